//! nginx that serves one file.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// A private nginx, ended on drop.
pub(crate) struct Nginx {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it, as they would not if it were killed.
        let pid = Pid::from_child(&self.process);
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.process.wait();
    }
}

impl Nginx {
    /// Starts it with `body` at `/quote.json`. It may answer a moment later.
    pub(crate) fn start(body: &[u8]) -> Result<Self> {
        let program = servers::install::nginx()?;
        let folder = tempfile::tempdir().context("no temporary folder")?;
        std::fs::write(folder.path().join("quote.json"), body)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = folder.path().display();
        let config = format!(
            "daemon off; worker_processes auto; pid {at}/pid; error_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             types {{ application/json json; }}\n\
             client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
             open_file_cache max=10; server {{ listen 127.0.0.1:{port}; root {at}; }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().context("cannot start nginx")?;
        Ok(Self { process, port, _folder: folder })
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
