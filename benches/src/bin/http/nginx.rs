//! nginx that serves one file.

use std::{net::TcpListener, path::Path, process::Command};

use anyhow::Result;
use servers::Program;

/// A private nginx, ended on drop.
pub(crate) struct Nginx {
    port: u16,
    _program: Program,
}

impl Nginx {
    /// Starts it with `body` at `/quote.json`. It may answer a moment later.
    pub(crate) fn start(body: &[u8]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = Program::start("nginx", |folder| Self::command(folder, port, body))?;
        Ok(Self { port, _program: program })
    }

    fn command(folder: &Path, port: u16, body: &[u8]) -> Result<Command> {
        let program = servers::install::nginx()?;
        std::fs::write(folder.join("quote.json"), body)?;
        let at = folder.display();
        let config = format!(
            "daemon off; worker_processes auto; pid {at}/pid; error_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             types {{ application/json json; }}\n\
             client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             open_file_cache max=10; server {{ listen 127.0.0.1:{port}; root {at}; }} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        Ok(command)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
