//! Documents from a folder of files: beside bars, and in subfolders by kind.

use std::{fs, path::Path, time::Duration};

use cache_core::Clock;
use market_data::{
    Answer as Said, CsvConfig, CsvProvider, DataType, Document, DocumentId, Observations, OnBadRow, Provider,
    ProviderError, ProviderErrorKind, Replay, ReplayProvider,
};
use tempfile::TempDir;

const BARS: &str =
    "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,1,2,0.5,1.5,1.25,7\n2020-01-03,1,2,0.5,2,1.5,7\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn open(folder: &Path, faults: OnBadRow) -> CsvProvider {
    CsvProvider::new(CsvConfig { faults, ..CsvConfig::new(folder) }).unwrap()
}

async fn one(provider: &impl Provider, data: DataType, id: &str) -> Result<Option<Document>, ProviderError> {
    let asked: DocumentId = id.parse().unwrap();
    match provider.documents(data, std::slice::from_ref(&asked)).await?.remove(0) {
        Said::Value(document) => {
            data.check_body(&document.body).unwrap();
            assert_eq!(document.asset, asked.asset);
            Ok(Some(document))
        }
        Said::Unknown => Ok(None),
        Said::Failed(error) => Err(error),
    }
}

#[tokio::test]
async fn beside_bars_are_the_documents_that_the_replay_has() {
    let instant = Replay { latency: Duration::ZERO, ..Replay::default() };
    let replay = ReplayProvider::new(instant, Clock::system()).unwrap();
    let csv = open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/yfinance"), OnBadRow::Skip);
    for id in ["EWG", "1398@XHKG:from=2023-01-01", "EWG:to=2022-12-31"] {
        for data in [DataType::Dividend, DataType::AdjustedClose] {
            let told = one(&csv, data, id).await.unwrap();
            assert!(told.is_some() && told == one(&replay, data, id).await.unwrap(), "{data} {id}");
        }
    }
    assert!(csv.offer(DataType::Macro).is_none() && csv.offer(DataType::Dividend).is_some());
    assert_eq!(one(&csv, DataType::Dividend, "NOPE").await.unwrap(), None);
}

#[tokio::test]
async fn what_a_subfolder_holds_is_of_the_kind_that_it_is_called() {
    let folder = folder(&[
        ("A.csv", BARS),
        ("B.csv", "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,0.5,1.5,7\n"),
        ("dividend/A.csv", "date,amount\n2020-01-03,0.25\n"),
        ("dividend/C.csv", "date,cash\n2020-01-03,0.25\n"),
        ("macro/CPIAUCSL.csv", "date,price\nFeb 1 2000,1366.42\nJan 1 2000,1394.46\n"),
        ("cpi_index/CPI.csv", "date,value\n2020-01-01,1\n"),
        ("treasury_yield/TREASURY:maturity=2year.csv", "date,value\n2020-01-01,1.5\n"),
        ("other/SECRET.csv", "date,value\n2020-01-01,1\n"),
    ]);
    let csv = open(folder.path(), OnBadRow::Error);
    assert_eq!(csv.assets().count(), 2);
    let covers = |data: DataType, asset: &str| {
        csv.offer(data).is_some_and(|offer| offer.covers(&asset.parse().unwrap()))
    };
    assert!(covers(DataType::Macro, "CPIAUCSL@US.index") && !covers(DataType::Macro, "A"));
    assert!(!covers(DataType::InflationRate, "CPI@US.index"));

    let told = one(&csv, DataType::Dividend, "A").await.unwrap().unwrap();
    assert_eq!(told.body["dividends"], serde_json::json!([{"date": "2020-01-03", "amount": 0.25}]));
    let told: Observations =
        one(&csv, DataType::Macro, "CPIAUCSL@US.index").await.unwrap().unwrap().read().unwrap();
    let days: Vec<_> = told.observations.iter().map(|one| (one.date.to_string(), one.value)).collect();
    assert_eq!(days, [("2000-01-01".to_owned(), 1394.46), ("2000-02-01".to_owned(), 1366.42)]);
    let told = one(&csv, DataType::TreasuryYield, "TREASURY@US.index:maturity=2year").await.unwrap();
    assert_eq!(told.unwrap().body["observations"][0]["value"], 1.5);
    assert_eq!(one(&csv, DataType::Macro, "SECRET@US.index").await.unwrap(), None);

    for (data, id, kind, why) in [
        (
            DataType::Dividend,
            "B",
            ProviderErrorKind::NotOffered,
            "from a column Dividends, or a file dividend/B.csv",
        ),
        (DataType::Dividend, "C", ProviderErrorKind::BadAnswer, "no column amount or dividends"),
        (DataType::Dividend, "A:period=3", ProviderErrorKind::BadRequest, "there are from, to"),
        (
            DataType::AdjustedClose,
            "B",
            ProviderErrorKind::NotOffered,
            "no adjusted closes of B: they come from a column Adj Close",
        ),
        (
            DataType::TreasuryYield,
            "TREASURY@US.index",
            ProviderErrorKind::NotOffered,
            "it has TREASURY@US.index:maturity=2year",
        ),
        (
            DataType::CpiIndex,
            "CPI@US.index:interval=semiannual",
            ProviderErrorKind::NotOffered,
            "it has CPI@US.index",
        ),
        (DataType::News, "A", ProviderErrorKind::NotOffered, "offers no news"),
    ] {
        let error = one(&csv, data, id).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// What a file's name doesn't say is as usual, whether or not it is asked for by name.
#[tokio::test]
async fn a_file_without_parameters_is_of_the_usual_ones_and_of_no_others() {
    use DataType::{CpiIndex, Macro, TreasuryYield};
    let value = |value: u8| format!("date,value\n2020-01-01,{value}\n");
    let texts = [value(1), value(2), value(3), value(4), value(5)];
    let names = [
        "treasury_yield/TREASURY.csv",
        "treasury_yield/TREASURY:maturity=2year.csv",
        "treasury_yield/TREASURY:maturity=5year&interval=daily.csv",
        "cpi_index/CPI:interval=monthly.csv",
        "macro/GDP.csv",
    ];
    let files: Vec<_> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let folder = folder(&files);
    let csv = open(folder.path(), OnBadRow::Error);
    for (data, id, value) in [
        (TreasuryYield, "TREASURY@US.index", Some(1.0)),
        (TreasuryYield, "TREASURY@US.index:maturity=10year", Some(1.0)),
        (TreasuryYield, "TREASURY@US.index:interval=monthly", Some(1.0)),
        (TreasuryYield, "TREASURY@US.index:interval=monthly&maturity=10year", Some(1.0)),
        (TreasuryYield, "TREASURY@US.index:interval=monthly&maturity=2year", Some(2.0)),
        (TreasuryYield, "TREASURY@US.index:interval=daily&maturity=5year", Some(3.0)),
        (TreasuryYield, "TREASURY@US.index:interval=daily", None),
        (TreasuryYield, "TREASURY@US.index:maturity=5year", None),
        (CpiIndex, "CPI@US.index", Some(4.0)),
        (CpiIndex, "CPI@US.index:interval=monthly", Some(4.0)),
        (CpiIndex, "CPI@US.index:interval=semiannual", None),
        (Macro, "GDP@US.index", Some(5.0)),
        (Macro, "GDP@US.index:interval=monthly", None),
    ] {
        let told = one(&csv, data, id).await;
        match value {
            Some(value) => assert_eq!(told.unwrap().unwrap().body["observations"][0]["value"], value, "{id}"),
            None => assert_eq!(told.unwrap_err().kind(), ProviderErrorKind::NotOffered, "{id}"),
        }
    }
}

#[tokio::test]
async fn rows_at_fault_fail_their_file_or_are_skipped_and_counted() {
    let folder = folder(&[("macro/GDP.csv", "date,value\n2020-01-01,1\n2020-04-01,x\n2020-07-01,3\n")]);
    let error =
        one(&open(folder.path(), OnBadRow::Error), DataType::Macro, "GDP@US.index").await.unwrap_err();
    assert!(error.to_string().contains("GDP.csv: line 3: the value is no number: \"x\""), "{error}");
    let lenient = open(folder.path(), OnBadRow::Skip);
    for _ in 0..2 {
        let told = one(&lenient, DataType::Macro, "GDP@US.index").await.unwrap().unwrap();
        assert_eq!(told.read::<Observations>().unwrap().observations.len(), 2);
    }
    assert_eq!(lenient.skipped_rows(), 1, "a file read twice is counted once");
    assert!(lenient.offer(DataType::Price).is_none() && lenient.offer(DataType::Ohlcv).is_none());
}

#[test]
fn files_that_name_nothing_or_one_thing_twice_are_refused() {
    for (files, why) in [
        (["dividend/a b.csv", "A.csv"], "is named for no dividend"),
        (["dividend/A:x=1.csv", "A.csv"], "has no parameters"),
        (["macro/GDP.csv", "macro/gdp@us.index.csv"], "of one asset"),
        (["macro/GDP:x.csv", "A.csv"], "is named for no macro"),
        (["cpi_index/CPI.csv", "cpi_index/CPI:interval=monthly.csv"], "the same parameters: keep one"),
    ] {
        let folder = folder(&files.map(|file| (file, "")));
        let error = CsvProvider::new(CsvConfig::new(folder.path())).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
