//! The parts of the page: style, scripts and the library of charts, as they are compiled in.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    extract::{Path, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};

use super::compressed::Compressed;
use crate::{
    problem::{Problem, ProblemKind},
    request::query::{QueryParams, echo},
};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($media_type:expr; $($file:literal),+ $(,)?) => {
        [$(($file, $media_type, include_str!(concat!("../../dashboard/", $file)))),+]
    };
}

static FILES: LazyLock<BTreeMap<&str, Compressed>> = LazyLock::new(|| {
    let scripts = files![SCRIPT;
        "vendor/uplot/uPlot.iife.min.js",
        "js/main.js",
        "js/connection.js",
        "js/api.js",
        "js/history.js",
        "js/charts.js",
        "js/dom.js",
        "js/format.js",
        "js/words.js",
        "js/state.js",
        "js/panels.js",
        "js/surroundings.js",
        "js/keys.js",
        "js/actions.js",
    ];
    let styles = files![STYLE; "style.css", "vendor/uplot/uPlot.min.css"];
    let icon = [("icon.svg", "image/svg+xml", include_str!("../../dashboard/icon.svg"))];
    let all = scripts.into_iter().chain(styles).chain(icon);
    all.map(|(file, media_type, text)| (file, Compressed::new(media_type, text))).collect()
});

/// `GET /dashboard/{file}`
pub(super) async fn show(
    file: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let file = file.map(|Path(file)| file).unwrap_or_default();
    let unknown = || {
        let detail = format!("the dashboard has no part {:?}", echo(&file));
        Problem::new(ProblemKind::NO_SUCH_PATH, detail)
    };
    FILES.get(&*file).map(|file| file.response(&headers)).ok_or_else(unknown)
}
