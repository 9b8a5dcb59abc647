//! The reference hit ratios: a CSV with one row for each trace and size, one column for each source.

use std::{collections::HashSet, io::Read, path::Path};

use anyhow::{Context, Result, bail, ensure};
use csv::{ReaderBuilder, StringRecord, Trim};

/// What a reference says about a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reference {
    /// Nothing.
    Blank,
    /// A number; a hit ratio in the columns known here.
    Number(f64),
    /// Something else, in a column not known here.
    Text(String),
}

/// A trace at one size, and what is said about it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The file and line, for people.
    pub(crate) place: String,
    pub(crate) trace: String,
    /// How many entries the store may hold.
    pub(crate) size: u64,
    /// How many accesses the trace has.
    pub(crate) requests: Option<u64>,
    /// How many distinct keys it has.
    pub(crate) unique: Option<u64>,
    /// Each column that is none of the above, in its order.
    pub(crate) references: Vec<(String, Reference)>,
}

impl Row {
    /// The hit ratio by `column`.
    pub(crate) fn ratio(&self, column: &str) -> Option<f64> {
        match self.references.iter().find(|(name, _)| name == column)? {
            (_, Reference::Number(ratio)) => Some(*ratio),
            _ => None,
        }
    }
}

/// Whether a column is known to hold hit ratios, so that anything else in it is a fault.
fn holds_ratios(column: &str) -> bool {
    ["LRU", "FIFO", "LFU", "MIN"].contains(&column)
        || ["lcs_", "crate_", "caffeine"].iter().any(|start| column.starts_with(start))
}

/// Reads the rows; `path` is for what is said about bad ones.
pub(crate) fn parse(input: impl Read, path: &Path) -> Result<Vec<Row>> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(input);
    let header = reader.headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    let mut names = HashSet::new();
    for name in &header {
        ensure!(!name.is_empty(), "{}, line 1: a column without a name", path.display());
        ensure!(names.insert(name), "{}, line 1: two columns named {name:?}", path.display());
    }
    for needed in ["trace", "size"] {
        ensure!(names.contains(needed), "{}, line 1: no column {needed:?}", path.display());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("cannot read {}", path.display()))?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(row(&header, &record, format!("{}, line {line}", path.display()))?);
    }
    ensure!(!rows.is_empty(), "{}: no row in it", path.display());
    Ok(rows)
}

fn row(header: &StringRecord, record: &StringRecord, place: String) -> Result<Row> {
    ensure!(
        record.len() == header.len(),
        "{place}: {} fields, where the first line has {}",
        record.len(),
        header.len()
    );
    let mut row = Row {
        place,
        trace: String::new(),
        size: 0,
        requests: None,
        unique: None,
        references: Vec::with_capacity(header.len()),
    };
    for (column, text) in header.iter().zip(record) {
        let count = || -> Result<Option<u64>> {
            if text.is_empty() {
                return Ok(None);
            }
            let number = text.parse().ok().filter(|number| *number > 0);
            let fault = || format!("{}: {column} is {text:?}, not a whole number above 0", row.place);
            number.map(Some).with_context(fault)
        };
        match column {
            "trace" => row.trace = text.to_owned(),
            "size" => row.size = count()?.with_context(|| format!("{}: size is blank", row.place))?,
            "requests" => row.requests = count()?,
            "unique" => row.unique = count()?,
            _ => {
                let reference = reference(column, text).with_context(|| row.place.clone())?;
                row.references.push((column.to_owned(), reference));
            }
        }
    }
    // The name becomes a file's.
    ensure!(!row.trace.is_empty(), "{}: trace is blank", row.place);
    ensure!(
        !row.trace.contains(['/', '\\', '\0']),
        "{}: trace is {:?}, which is no file's stem",
        row.place,
        row.trace
    );
    Ok(row)
}

fn reference(column: &str, text: &str) -> Result<Reference> {
    if text.is_empty() {
        return Ok(Reference::Blank);
    }
    match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        Some(number) if !holds_ratios(column) || (0.0..=1.0).contains(&number) => {
            Ok(Reference::Number(number))
        }
        None if !holds_ratios(column) => Ok(Reference::Text(text.to_owned())),
        _ => bail!("{column} is {text:?}, not a hit ratio from 0 to 1; leave blank what is not known"),
    }
}

/// One row for each trace and size, in the order in which traces and then sizes first come: several
/// files may speak of one cell as long as they don't contradict each other.
pub(crate) fn merge(rows: Vec<Row>) -> Result<Vec<Row>> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        let Some(known) = merged.iter_mut().find(|known| known.trace == row.trace && known.size == row.size)
        else {
            let after = merged.iter().rposition(|known| known.trace == row.trace);
            merged.insert(after.map_or(merged.len(), |at| at + 1), row);
            continue;
        };
        let contradiction = |column: &str| {
            format!(
                "{} and {} differ in {column} for {} at {}: remove one of them",
                known.place, row.place, row.trace, row.size
            )
        };
        for (column, old, new) in
            [("requests", known.requests, row.requests), ("unique", known.unique, row.unique)]
        {
            ensure!(old.is_none() || new.is_none() || old == new, contradiction(column));
        }
        for (column, new) in &row.references {
            let old = known.references.iter().find(|(name, _)| name == column).map(|(_, old)| old);
            let blank = old.is_none_or(|old| *old == Reference::Blank) || *new == Reference::Blank;
            ensure!(blank || old == Some(new), contradiction(column));
        }
        known.requests = known.requests.or(row.requests);
        known.unique = known.unique.or(row.unique);
        for (column, new) in row.references {
            match known.references.iter_mut().find(|(name, _)| *name == column) {
                Some((_, old)) if *old == Reference::Blank => *old = new,
                Some(_) => {}
                None => known.references.push((column, new)),
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>> {
        parse(text.as_bytes(), Path::new("r.csv"))
    }

    fn failure(text: &str) -> String {
        format!("{:#}", rows(text).unwrap_err())
    }

    #[test]
    fn columns_may_be_blank_few_many_and_in_any_order() {
        let text = "\u{feff}size, LRU ,trace,note,lcs_ARC,later\n 10 ,0.5,web,fine, ,2.5\n20,,web,,1,\n";
        let rows = rows(text).unwrap();
        assert_eq!((rows[0].trace.as_str(), rows[0].size, rows[0].requests), ("web", 10, None));
        let wanted = [
            ("LRU", Reference::Number(0.5)),
            ("note", Reference::Text("fine".to_owned())),
            ("lcs_ARC", Reference::Blank),
            ("later", Reference::Number(2.5)),
        ];
        assert_eq!(rows[0].references, wanted.map(|(name, reference)| (name.to_owned(), reference)));
        assert_eq!(
            (rows[1].ratio("LRU"), rows[1].ratio("lcs_ARC"), rows[1].ratio("none")),
            (None, Some(1.0), None)
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, wanted) in [
            ("", "r.csv, line 1: no column \"trace\""),
            ("trace,LRU\nweb,0.5\n", "r.csv, line 1: no column \"size\""),
            ("trace,size,,LRU\n", "r.csv, line 1: a column without a name"),
            ("trace,size,LRU,LRU\n", "r.csv, line 1: two columns named \"LRU\""),
            ("trace,size,LRU\n", "r.csv: no row in it"),
            ("trace,size,LRU\nweb,10,0.5\nweb,20\n", "r.csv, line 3: 2 fields, where the first line has 3"),
            ("trace,size,LRU\nweb,10,0.5,1\n", "r.csv, line 2: 4 fields, where the first line has 3"),
            ("trace,size\nweb,\n", "r.csv, line 2: size is blank"),
            ("trace,size\nweb,0\n", "r.csv, line 2: size is \"0\", not a whole number above 0"),
            ("trace,size\nweb,-1\n", "r.csv, line 2: size is \"-1\", not a whole number above 0"),
            ("trace,size\nweb,1e3\n", "r.csv, line 2: size is \"1e3\", not a whole number above 0"),
            ("trace,size,unique\nweb,1,x\n", "r.csv, line 2: unique is \"x\", not a whole number above 0"),
            ("trace,size\n,1\n", "r.csv, line 2: trace is blank"),
            ("trace,size\n../web,1\n", "r.csv, line 2: trace is \"../web\", which is no file's stem"),
        ] {
            assert_eq!(failure(text), wanted, "{text:?}");
        }
        for ratio in ["0,5", "half", "1.01", "-0.1", "NaN", "inf"] {
            let error = failure(&format!("trace,size,lcs_ARC\nweb,10,\"{ratio}\"\n"));
            assert!(error.starts_with("r.csv, line 2: lcs_ARC is ") && error.contains(ratio), "{error}");
        }
        assert!(parse(&b"trace,size\nw\xff,1\n"[..], Path::new("r.csv")).is_err());
    }

    #[test]
    fn files_complete_each_other_and_must_not_contradict() {
        let merged =
            |texts: [&str; 2]| merge(texts.into_iter().flat_map(|text| rows(text).unwrap()).collect());
        let first = "trace,size,requests,LRU,MIN\na,1,9,0.5,\nb,1,9,,\n";
        let both = merged([first, "trace,size,MIN,FIFO\na,2,0.1,\na,1,0.7,0.4\n"]).unwrap();
        let order: Vec<_> = both.iter().map(|row| (row.trace.as_str(), row.size)).collect();
        assert_eq!(order, [("a", 1), ("a", 2), ("b", 1)]);
        let ratios = ["LRU", "MIN", "FIFO"].map(|column| both[0].ratio(column));
        assert_eq!(ratios, [Some(0.5), Some(0.7), Some(0.4)]);
        let error = merged([first, "trace,size,LRU\na,1,0.6\n"]).unwrap_err().to_string();
        assert_eq!(error, "r.csv, line 2 and r.csv, line 2 differ in LRU for a at 1: remove one of them");
        assert!(merged([first, "trace,size,requests\na,1,8\n"]).is_err());
    }
}
