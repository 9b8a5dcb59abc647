//! Daily bars from a folder of files, compared with another reader's, and with rows at fault.

use std::{fs, path::Path, time::Duration};

use cache_core::Clock;
use market_data::{
    Answer as Said, Asset, CsvConfig, CsvProvider, Interval, OnBadRow, Provider, ProviderErrorKind, Replay,
    ReplayProvider, SeriesId,
};
use tempfile::TempDir;

const HEAD: &str = "Date,Open,High,Low,Close,Adj Close,Volume\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn open(folder: &Path, faults: OnBadRow) -> CsvProvider {
    CsvProvider::new(CsvConfig { faults, ..CsvConfig::new(folder) }).unwrap()
}

#[tokio::test]
async fn the_recorded_bars_are_those_that_the_replay_reads() {
    let replay =
        ReplayProvider::new(Replay { latency: Duration::ZERO, ..Replay::default() }, Clock::system())
            .unwrap();
    let csv = open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/stocknet"), OnBadRow::Error);
    let assets: Vec<Asset> = csv.assets().cloned().collect();
    assert_eq!(assets.len(), 13);
    for asset in &assets {
        let id = [SeriesId::new(asset.clone(), Interval::Day)];
        assert_eq!(csv.series(&id).await.unwrap(), replay.series(&id).await.unwrap());
    }
    assert_eq!(csv.quotes(&assets).await.unwrap(), replay.quotes(&assets).await.unwrap());
    let within = csv.series(&["AAPL:1d:2017-08-26..2017-08-29".parse().unwrap()]).await.unwrap().remove(0);
    assert_eq!(within.value().unwrap().bars.len(), 2);
}

#[tokio::test]
async fn a_file_is_named_for_its_asset_and_no_symbol_leads_to_another() {
    let row = "2020-01-02,1,2,0.5,1.5,1.5,7\n";
    let text = format!("{HEAD}{row}");
    let outside = folder(&[("SECRET.csv", text.as_str())]);
    let folder = folder(&[
        ("aapl.csv", text.as_str()),
        ("VOD@XLON.csv", &text),
        ("EUR%2FUSD@FX.csv", &text),
        ("notes.txt", "x"),
    ]);
    let csv = open(folder.path(), OnBadRow::Error);
    let up = format!(
        "../{}/SECRET",
        outside.path().file_name().unwrap().to_str().unwrap().to_uppercase().replace('.', "")
    );
    let ask =
        ["AAPL", "VOD@XLON", "EUR/USD@FX", "VOD", "../AAPL", "./AAPL", "NOTES", &up[..up.len().min(32)]];
    let assets: Vec<Asset> = ask.iter().map(|asset| asset.parse().unwrap()).collect();
    let answers = csv.quotes(&assets).await.unwrap();
    let found: Vec<bool> = answers.iter().map(|answer| matches!(answer, Said::Value(_))).collect();
    assert_eq!(found, [true, true, true, false, false, false, false, false]);
    assert!(answers.iter().all(|answer| !matches!(answer, Said::Failed(_))));
}

#[tokio::test]
async fn rows_at_fault_fail_their_file_or_are_skipped_and_counted() {
    let text =
        format!("{HEAD}2020-01-02,1,2,0.5,1,1,7\n2020-01-03,1,2,0.5,x,1,7\n2020-01-03,1,2,0.5,1,1,7\n");
    let folder =
        folder(&[("A.csv", &text), ("B.csv", "Symbol,Price\nB,1\n"), ("C.csv", HEAD), ("D.csv", "")]);
    let id = |symbol: &str| [SeriesId::new(symbol.parse().unwrap(), Interval::Day)];
    let strict = open(folder.path(), OnBadRow::Error);
    let Said::Failed(error) = strict.series(&id("A")).await.unwrap().remove(0) else { panic!() };
    assert!(
        error.kind() == ProviderErrorKind::BadAnswer
            && error.to_string().contains("A.csv: line 3: close is no price: \"x\""),
        "{error}"
    );
    let lenient = open(folder.path(), OnBadRow::Skip);
    assert_eq!(lenient.series(&id("A")).await.unwrap().remove(0).value().unwrap().bars.len(), 2);
    assert_eq!(lenient.series(&id("A")).await.unwrap().len(), 1);
    assert_eq!(lenient.skipped_rows(), 1, "a file read twice is counted once");
    for symbol in ["B", "D"] {
        assert!(
            matches!(&lenient.series(&id(symbol)).await.unwrap()[0], Said::Failed(error) if error.to_string().contains("no column"))
        );
    }
    assert!(lenient.series(&id("C")).await.unwrap().remove(0).value().unwrap().bars.is_empty());
    assert_eq!(lenient.quotes(&["C".parse().unwrap()]).await.unwrap(), [Said::Unknown]);
}

#[tokio::test]
async fn a_file_is_read_anew_so_that_it_may_grow_and_one_too_large_is_not_read() {
    let mut text = format!("{HEAD}2020-01-02,1,2,0.5,1,1,7\n");
    let folder = folder(&[("A.csv", &text)]);
    let csv = CsvProvider::new(CsvConfig { max_file_mib: 1, ..CsvConfig::new(folder.path()) }).unwrap();
    let id: [SeriesId; 1] = ["A:1d".parse().unwrap()];
    text.push_str("2020-01-03,1,2,0.5,1,1,7\n");
    fs::write(folder.path().join("A.csv"), &text).unwrap();
    assert_eq!(csv.series(&id).await.unwrap().remove(0).value().unwrap().bars.len(), 2);
    fs::write(folder.path().join("A.csv"), vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(
        matches!(&csv.series(&id).await.unwrap()[0], Said::Failed(error) if error.to_string().contains("1048576 bytes"))
    );
    fs::remove_file(folder.path().join("A.csv")).unwrap();
    assert!(matches!(&csv.series(&id).await.unwrap()[0], Said::Failed(_)));
    assert!(csv.series(&["A:5m".parse().unwrap()]).await.is_err());
}

#[test]
fn a_folder_that_cannot_be_is_refused_with_the_file() {
    let open = |folder: &Path| CsvProvider::new(CsvConfig::new(folder)).unwrap_err().to_string();
    assert!(open(Path::new("/no/such/folder")).contains("/no/such/folder"));
    assert!(open(folder(&[]).path()).contains("no file whose name ends in .csv"));
    assert!(open(folder(&[("a b.csv", HEAD)]).path()).contains("a b.csv is named for no asset"));
    let twice = open(folder(&[("a.csv", HEAD), ("A.csv", HEAD)]).path());
    assert!(twice.contains("of one asset"), "{twice}");
}
