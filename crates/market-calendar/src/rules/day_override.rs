//! How one day departs from the usual hours, and the text for it in a table.

use super::local_time::LocalTime;

/// How a day departs from the usual hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayOverride {
    /// No session.
    Closed,
    /// A session at just these hours, on whatever day.
    Session(Hours),
    /// Where there is a session, it opens or closes at another time.
    Hours {
        /// Instead of the usual open.
        opens: Option<LocalTime>,
        /// Instead of the usual close.
        closes: Option<LocalTime>,
    },
}

/// The hours of a session, and of its lunch break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    /// The first moment of trading.
    pub(crate) open: LocalTime,
    /// The first moment after it.
    pub(crate) close: LocalTime,
    /// The beginning and the end of the lunch break.
    pub(crate) lunch: Option<(LocalTime, LocalTime)>,
}

/// The forms of a line, for error messages.
pub(crate) const FORMS: &str =
    "`closed`, `closes HH:MM`, `opens HH:MM`, `session HH:MM-HH:MM` or `session HH:MM-HH:MM,HH:MM-HH:MM`";

impl Hours {
    /// These hours without a break.
    pub(crate) const fn new(open: LocalTime, close: LocalTime) -> Self {
        Self { open, close, lunch: None }
    }

    /// These hours with a break.
    pub(crate) const fn lunch(self, from: LocalTime, to: LocalTime) -> Self {
        Self { lunch: Some((from, to)), ..self }
    }

    /// Returns these hours with another open or close; `None` if no trading is left. A break without trading
    /// on both sides is dropped.
    pub(crate) fn with(self, opens: Option<LocalTime>, closes: Option<LocalTime>) -> Option<Self> {
        let (open, close) = (opens.unwrap_or(self.open), closes.unwrap_or(self.close));
        let lunch = self.lunch.filter(|(from, to)| open < *from && *to < close);
        (open < close).then_some(Self { open, close, lunch })
    }
}

impl DayOverride {
    /// Reads `closed`, `closes HH:MM`, `opens HH:MM`, or `session` with one span or two.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match (verb, rest.trim()) {
            ("closed", "") => Some(Self::Closed),
            ("closes", time) => Some(Self::Hours { opens: None, closes: Some(LocalTime::parse(time)?) }),
            ("opens", time) => Some(Self::Hours { opens: Some(LocalTime::parse(time)?), closes: None }),
            ("session", spans) => hours(spans).map(Self::Session),
            _ => None,
        }
    }

    /// Combines two rules for one day: closed if either is; otherwise the later open and the earlier close.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hours { opens: a, closes: b }, Self::Hours { opens: c, closes: d }) => {
                Self::Hours { opens: a.max(c), closes: b.into_iter().chain(d).min() }
            }
            (Self::Closed, _) | (_, Self::Closed) => Self::Closed,
            (Self::Session(_), _) => self,
            (_, Self::Session(_)) => other,
        }
    }

    /// Combines a table's override with that of the rules: an open or a close of the rules holds where the
    /// table has none.
    pub(crate) fn over(self, rules: Self) -> Self {
        match (self, rules) {
            (Self::Hours { opens: a, closes: b }, Self::Hours { opens: c, closes: d }) => {
                Self::Hours { opens: a.or(c), closes: b.or(d) }
            }
            (Self::Hours { .. }, _) => rules,
            _ => self,
        }
    }

    /// Combines two lines of one table; `None` if they contradict each other.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let (Self::Hours { opens: a, closes: b }, Self::Hours { opens: c, closes: d }) = (self, other) else {
            return None;
        };
        let apart = (a.is_none() || c.is_none()) && (b.is_none() || d.is_none());
        apart.then_some(Self::Hours { opens: a.or(c), closes: b.or(d) })
    }
}

fn hours(spans: &str) -> Option<Hours> {
    let span = |text: &str| {
        let (from, to) = text.trim().split_once('-')?;
        LocalTime::parse(from).zip(LocalTime::parse(to)).filter(|(from, to)| from < to)
    };
    let Some((morning, afternoon)) = spans.split_once(',') else {
        return span(spans).map(|(open, close)| Hours::new(open, close));
    };
    let ((open, from), (to, close)) = span(morning).zip(span(afternoon))?;
    (from < to).then_some(Hours::new(open, close).lunch(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_forms_are_read_and_nothing_else_is() {
        let at = LocalTime::at;
        let day = Hours::new(at(9, 30), at(16, 0));
        for (text, day_override) in [
            ("closed", DayOverride::Closed),
            ("closes  13:00", DayOverride::Hours { opens: None, closes: Some(at(13, 0)) }),
            ("opens 10:00", DayOverride::Hours { opens: Some(at(10, 0)), closes: None }),
            ("session 09:30-16:00", DayOverride::Session(day)),
            ("session 09:30-12:00, 13:00-16:00", DayOverride::Session(day.lunch(at(12, 0), at(13, 0)))),
        ] {
            assert_eq!(DayOverride::parse(text), Some(day_override), "{text}");
        }
        for text in [
            "",
            "open",
            "CLOSED",
            "closed 13:00",
            "closes",
            "closes 1pm",
            "session",
            "session 16:00-09:30",
            "session 09:30-12:00,11:00-16:00",
            "session 09:30-12:00,12:00-16:00",
            "session 09:30",
            "opens 25:00",
        ] {
            assert_eq!(DayOverride::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_break_needs_trading_on_both_sides() {
        let day = Hours::new(LocalTime::at(9, 30), LocalTime::at(16, 0))
            .lunch(LocalTime::at(12, 0), LocalTime::at(13, 0));
        assert_eq!(
            day.with(None, Some(LocalTime::at(12, 0))),
            Some(Hours::new(day.open, LocalTime::at(12, 0)))
        );
        assert_eq!(day.with(Some(LocalTime::at(10, 0)), None).unwrap().lunch, day.lunch);
        assert_eq!(day.with(Some(LocalTime::at(12, 0)), None).unwrap().lunch, None);
        assert_eq!(day.with(None, Some(LocalTime::at(13, 0))).unwrap().lunch, None);
        assert_eq!(day.with(Some(LocalTime::at(16, 0)), None), None);
    }
}
