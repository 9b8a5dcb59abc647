//! TraceContext: the `traceparent` and `tracestate` of a request, read strictly and written back.

use std::{fmt, fmt::Write, sync::Arc};

use super::state;

/// How long a `traceparent` of the version known here is: `00-` trace id `-` parent id `-` flags.
const LEN: usize = 55;

/// The version of the specification that is written.
const VERSION: u8 = 0;
/// The version that no specification may have.
const FORBIDDEN_VERSION: u8 = 0xff;

/// The flag of a caller that records its trace.
const SAMPLED: u8 = 1;

/// To which trace the work at hand belongs, and which span of it asked: the headers `traceparent` and `tracestate`
/// of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
///
/// ```
/// use cache_core::trace::TraceContext;
///
/// let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = TraceContext::parse(sent, ["acme=1"]).unwrap();
/// assert!(context.is_sampled());
/// assert_eq!((context.traceparent().as_str(), context.tracestate()), (sent, Some("acme=1")));
///
/// assert_eq!(TraceContext::parse("00-0-0-01", []), None, "what is invalid is as good as nothing");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// A context of these ids; `None` if one of them is zero, which the specification forbids.
    #[must_use]
    pub fn new(trace_id: u128, parent_id: u64, sampled: bool) -> Option<Self> {
        let flags = if sampled { SAMPLED } else { 0 };
        (trace_id != 0 && parent_id != 0).then_some(Self { trace_id, parent_id, flags, state: None })
    }

    /// Reads a `traceparent` and the values of all headers `tracestate`, in their order. `None` for an invalid
    /// `traceparent`. A `tracestate` that is invalid is left out; one longer than 512 bytes loses members, those
    /// of more than 128 bytes first, then the last. A later version is read as far as this one goes.
    #[must_use]
    pub fn parse<'a>(traceparent: &str, tracestate: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let text = traceparent.trim_matches([' ', '\t']);
        if !text.is_ascii() || text.len() < LEN {
            return None;
        }
        let (known, rest) = text.split_at(LEN);
        let mut parts = known.split('-');
        let mut part = |len: usize| parts.next().filter(|part| part.len() == len && is_lower_hex(part));
        let (version, trace_id, parent_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let version = u8::from_str_radix(version, 16).ok()?;
        let ends_well =
            if version == VERSION { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        if version == FORBIDDEN_VERSION || !ends_well {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        // What the other flags of a later version mean is not known.
        let flags = if version == VERSION { flags } else { flags & SAMPLED };
        let trace_id = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
        let parent_id = u64::from_str_radix(parent_id, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, parent_id, flags, state: None }.with_state(tracestate))
    }

    /// The same context with the values of all headers `tracestate`, as [`TraceContext::parse`] takes them.
    #[must_use]
    pub fn with_state<'a>(mut self, tracestate: impl IntoIterator<Item = &'a str>) -> Self {
        self.state = state::bounded(tracestate).map(Into::into);
        self
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span that asked.
    #[must_use]
    pub fn parent_id(&self) -> u64 {
        self.parent_id
    }

    /// Whether the caller records its trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Returns the header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(LEN);
        // Writing to a text can't fail.
        let _ =
            write!(text, "{VERSION:02x}-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags);
        text
    }

    /// Returns the header `tracestate`, if there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceContext").field(&self.traceparent()).field(&self.state).finish()
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parsed(text: &str) -> Option<String> {
        TraceContext::parse(text, []).map(|context| context.traceparent())
    }

    #[test]
    fn what_the_specification_allows_is_passed_on_and_nothing_else() {
        assert_eq!(parsed(SENT).as_deref(), Some(SENT));
        assert_eq!(parsed(&format!(" {SENT}\t")).as_deref(), Some(SENT));
        // Later versions come back as the one that is known, without what is not.
        let later = SENT.replacen("00", "cc", 1).replace("-01", "-ff");
        for text in [later.clone(), format!("{later}-what-comes-then")] {
            assert_eq!(parsed(&text).as_deref(), Some(SENT), "{text}");
        }
        for text in [
            "".to_owned(),
            SENT[..54].to_owned(),
            format!("{SENT}-"),
            format!("{SENT}0"),
            format!("{later}0"),
            SENT.to_uppercase(),
            SENT.replacen("00", "ff", 1),
            SENT.replacen("00", "0x", 1),
            SENT.replace("b7ad6b7169203331", "0000000000000000"),
            SENT.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            SENT.replace('-', "_"),
            SENT.replace("b7", "+7"),
            SENT.replace("b7", "é"),
        ] {
            assert_eq!(parsed(&text), None, "{text:?}");
        }
    }

    #[test]
    fn ids_of_zero_make_no_context() {
        assert_eq!(TraceContext::new(0, 1, true), None);
        assert_eq!(TraceContext::new(1, 0, true), None);
        let context = TraceContext::new(1, 2, false).unwrap();
        assert_eq!(context.traceparent(), "00-00000000000000000000000000000001-0000000000000002-00");
        assert!(!context.is_sampled());
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(trace_id in 1_u128.., parent_id in 1_u64.., sampled: bool) {
            let context = TraceContext::new(trace_id, parent_id, sampled).unwrap();
            prop_assert_eq!(TraceContext::parse(&context.traceparent(), []), Some(context));
        }

        /// A text of anybody is no panic, and what it gives is valid.
        #[test]
        fn any_text_is_judged(text in "\\PC{0,70}|[0-9a-f-]{50,60}|00-[0-9a-g]{32}-[0-9a-f]{16}-0[0-9]") {
            if let Some(again) = parsed(&text) {
                prop_assert_eq!(parsed(&again), Some(again.clone()));
            }
        }
    }
}
