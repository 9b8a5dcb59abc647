//! A recorded trace: one key a line, plain or gzipped.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use cache_core::{Key, MAX_KEY_LEN, Prefix};
use flate2::bufread::MultiGzDecoder;

/// The endings of a trace's file name; what stands before them is the trace's name.
pub(crate) const ENDINGS: [&str; 2] = [".txt.gz", ".txt"];

/// The kind of the traces' keys.
const KIND: &str = "trace";

/// The accesses of a trace, each an index into its distinct keys.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) keys: Vec<Key>,
    pub(crate) accesses: Vec<u32>,
}

impl Trace {
    /// Reads the file, gzipped if its name ends in `.gz`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let file = BufReader::with_capacity(1 << 16, file);
        if path.extension().is_some_and(|ending| ending == "gz") {
            Self::parse(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)), path)
        } else {
            Self::parse(file, path)
        }
    }

    /// Reads lines; `path` is for what is said about bad ones. Empty lines may only stand at the end.
    fn parse(mut input: impl BufRead, path: &Path) -> Result<Self> {
        let prefix = Prefix::new(None, KIND)?;
        // A line is read no further than the longest key and a line's end.
        let longest = MAX_KEY_LEN - prefix.as_str().len();
        let most = longest as u64 + 2;
        let mut known: HashMap<Box<[u8]>, u32> = HashMap::new();
        let mut trace = Self { keys: Vec::new(), accesses: Vec::new() };
        let mut line = Vec::new();
        let mut empty = None;
        for number in 1_u64.. {
            let place = || format!("{}, line {number}", path.display());
            line.clear();
            let read = input.by_ref().take(most).read_until(b'\n', &mut line).with_context(|| {
                format!("{}: cannot be read; if it is cut short or damaged, fetch it anew", place())
            })?;
            if read == 0 {
                break;
            }
            let key = line.strip_suffix(b"\n").unwrap_or(&line);
            let key = key.strip_suffix(b"\r").unwrap_or(key);
            if key.is_empty() {
                empty.get_or_insert(number);
                continue;
            }
            if let Some(number) = empty {
                bail!("{}, line {number}: empty, where a trace has one key a line", path.display());
            }
            let at = match known.get(key) {
                Some(at) => *at,
                None => {
                    ensure!(key.len() <= longest, "{}: a key has at most {longest} bytes", place());
                    let text = std::str::from_utf8(key)
                        .with_context(|| format!("{}: a key is UTF-8, this one is not", place()))?;
                    let at = u32::try_from(trace.keys.len())
                        .with_context(|| format!("{}: more than 2^32 distinct keys", place()))?;
                    trace.keys.push(prefix.key(text)?);
                    known.insert(key.into(), at);
                    at
                }
            };
            trace.accesses.push(at);
        }
        ensure!(
            !trace.accesses.is_empty(),
            "{}: no key in it, where a trace has one key a line",
            path.display()
        );
        Ok(trace)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Vec<String>> {
        let trace = Trace::parse(Cursor::new(bytes), Path::new("t.txt"))?;
        Ok(trace.accesses.iter().map(|at| trace.keys[*at as usize].id().to_owned()).collect())
    }

    fn failure(bytes: &[u8]) -> String {
        format!("{:#}", parse(bytes).unwrap_err())
    }

    fn gzipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The outcome of reading a file of this name and content.
    fn read(name: &str, bytes: &[u8]) -> Result<Trace> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Trace::read(&path)
    }

    #[test]
    fn each_line_is_a_key_as_it_stands() {
        assert_eq!(parse(b"b\na:1\nb\n -7 \n").unwrap(), ["b", "a:1", "b", " -7 "]);
        assert_eq!(parse(b"b\r\na\r\nb").unwrap(), ["b", "a", "b"]);
        assert_eq!(parse(b"b\n\n\r\n").unwrap(), ["b"]);
    }

    #[test]
    fn equal_lines_share_a_key() {
        let trace = Trace::parse(Cursor::new("x\ny\nx\nx\n"), Path::new("t.txt")).unwrap();
        assert_eq!((trace.keys.len(), trace.accesses), (2, vec![0, 1, 0, 0]));
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(failure(b"a\n\nb\n"), "t.txt, line 2: empty, where a trace has one key a line");
        assert!(failure(b"a\nb\xff\n").starts_with("t.txt, line 2: a key is UTF-8"));
        assert!(failure(b"").starts_with("t.txt: no key in it"));
        assert!(failure(b"\n\n").starts_with("t.txt: no key in it"));
    }

    #[test]
    fn a_line_without_end_is_refused_and_not_held() {
        let longest = MAX_KEY_LEN - "trace:".len();
        assert_eq!(parse("x".repeat(longest).as_bytes()).unwrap()[0].len(), longest);
        for more in [1, 2, 3, 1 << 20] {
            let text = "x".repeat(longest + more);
            assert_eq!(failure(text.as_bytes()), format!("t.txt, line 1: a key has at most {longest} bytes"));
        }
    }

    #[test]
    fn a_gzipped_trace_is_read_whole_or_not_at_all() {
        let lines: String = (0..5_000).map(|at| format!("{}\n", at * 7919 % 1_000)).collect();
        let whole = gzipped(lines.as_bytes());
        let trace = read("t.txt.gz", &whole).unwrap();
        assert_eq!((trace.accesses.len(), trace.keys.len()), (5_000, 1_000));
        for len in [0, 1, 9, 10, whole.len() / 2, whole.len() - 1] {
            let error = format!("{:#}", read("t.txt.gz", &whole[..len]).unwrap_err());
            assert!(error.contains("t.txt.gz"), "{len}: {error}");
            assert!(len == 0 || error.contains("cut short or damaged"), "{len}: {error}");
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x55;
        assert!(read("t.txt.gz", &flipped).is_err());
    }

    #[test]
    fn two_gzips_in_a_row_are_one_trace() {
        let joined = [gzipped(b"a\nb\n"), gzipped(b"a\nc\n")].concat();
        assert_eq!(read("t.txt.gz", &joined).unwrap().keys.len(), 3);
    }

    #[test]
    fn what_is_no_gzip_or_is_one_without_saying_so_is_refused() {
        assert!(format!("{:#}", read("t.txt.gz", b"a\nb\n").unwrap_err()).contains("line 1"));
        assert!(read("t.txt", &gzipped(b"a\nb\nc\n")).is_err());
        assert_eq!(read("t.txt", b"a\nb\n").unwrap().accesses, [0, 1]);
    }
}
