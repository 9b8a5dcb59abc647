//! An axum handler in front of a slow database: users by number, those that aren't there remembered, statistics as JSON.
//!
//! `cargo run -p examples --bin axum_handler`, then `curl localhost:3000/users/7` and `curl localhost:3000/stats`.

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use cache_facade::{Cache, Region, Stats};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

/// In place of your connection pool.
struct Database;

impl Database {
    async fn user(&self, id: u64) -> io::Result<Option<User>> {
        println!("asking the database for {id}");
        Ok((id < 100).then(|| User { id, name: format!("user {id}") }))
    }
}

#[derive(Clone)]
struct App {
    cache: Cache,
    users: Region<User>,
}

async fn user(State(app): State<App>, Path(id): Path<u64>) -> Result<Json<Arc<User>>, StatusCode> {
    match app.users.get(&id).await {
        Ok(Some(user)) => Ok(Json(user)),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::BAD_GATEWAY),
    }
}

async fn stats(State(app): State<App>) -> Json<Stats> {
    Json(app.cache.stats())
}

async fn router() -> cache_facade::Result<Router> {
    let cache = Cache::builder().build().await?;
    let users = cache
        .region("user")
        .ttl("10m")
        .stale_for("1h")
        .negative("30s")
        .load_one_with(&Arc::new(Database), |db, id| async move { db.user(id).await })
        .open()?;
    let routes = Router::new().route("/users/{id}", get(user)).route("/stats", get(stats));
    Ok(routes.with_state(App { cache, users }))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let router = router().await.map_err(io::Error::other)?;
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, router).await
}

#[cfg(test)]
mod tests {
    use axum::{body, http::Request};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: &Router, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn users_come_once_from_the_database_and_absent_ones_are_remembered() {
        let router = router().await.unwrap();
        for _ in 0..3 {
            assert_eq!(ask(&router, "/users/7").await.1["name"], "user 7");
            assert_eq!(ask(&router, "/users/700").await.0, StatusCode::NOT_FOUND);
        }
        let (_, stats) = ask(&router, "/stats").await;
        assert_eq!(stats["loads"], 2, "{stats}");
        assert_eq!(stats["regions"][0]["kind"], "user", "{stats}");
    }
}
