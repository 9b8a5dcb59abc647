//! How the closed time of a series is cut into chunks: by the calendar, so that everyone cuts alike.

use jiff::{Span, ToSpan, civil::Date};
use market_data::{DateRange, Interval, SeriesId};

/// The days of the chunk that a day lies in, some 250 to 2,000 bars.
pub(crate) fn chunk_of(interval: Interval, day: Date) -> DateRange {
    match interval {
        Interval::Minute | Interval::Minutes2 => span(day, 1.day()),
        Interval::Minutes5 | Interval::Minutes10 => {
            let since_monday = i64::from(day.weekday().to_monday_zero_offset());
            span(day.saturating_sub(since_monday.days()), 1.week())
        }
        Interval::Minutes15 | Interval::Minutes30 => span(day.first_of_month(), 1.month()),
        Interval::Hour => {
            let months_in = i64::from((day.month() - 1) % 3);
            span(day.first_of_month().saturating_sub(months_in.months()), 3.months())
        }
        Interval::Hours2 | Interval::Hours4 | Interval::Day => years(day, 1),
        Interval::Week => years(day, 10),
        _ => years(day, 100),
    }
}

/// The chunks in which the days from `from` to `to` lie, earliest first; none if `from` is after `to`.
pub(crate) fn chunks_of(interval: Interval, from: Date, to: Date) -> impl Iterator<Item = DateRange> {
    let first = (from <= to).then(|| chunk_of(interval, from));
    std::iter::successors(first, move |chunk| {
        let next = chunk.to.tomorrow().ok().filter(|next| *next <= to)?;
        Some(chunk_of(interval, next))
    })
}

/// Whether an id is that of a chunk.
pub(crate) fn is_chunk(id: &SeriesId) -> bool {
    id.range.is_some_and(|range| range == chunk_of(id.interval, range.from))
}

/// So many years, counted from the year 0, in which a day lies.
fn years(day: Date, count: i16) -> DateRange {
    let first = day.year().div_euclid(count) * count;
    match Date::new(first, 1, 1) {
        Ok(from) => span(from, i64::from(count).years()),
        Err(_) => {
            let next = Date::new(first + count, 1, 1).unwrap_or(Date::MAX);
            DateRange { from: Date::MIN, to: next.saturating_sub(1.day()) }
        }
    }
}

/// The days from `from` on, without the first one after `length`.
fn span(from: Date, length: Span) -> DateRange {
    let to = from.checked_add(length).map_or(Date::MAX, |next| next.saturating_sub(1.day()));
    DateRange { from, to }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_day_lies_in_one_chunk_and_chunks_adjoin(
            interval in prop::sample::select(Interval::ALL.to_vec()),
            days in (-3_700_000..2_900_000_i32, 0..3_000_i32),
        ) {
            let day = |days: i32| Date::ZERO.saturating_add(days.days());
            let (from, to) = (day(days.0), day(days.0.saturating_add(days.1)));
            let chunks: Vec<DateRange> = chunks_of(interval, from, to).take(4000).collect();
            prop_assert!(chunks[0].from <= from && chunks.last().unwrap().to >= to);
            for pair in chunks.windows(2) {
                prop_assert_eq!(pair[0].to.tomorrow().unwrap(), pair[1].from);
            }
            for chunk in &chunks {
                prop_assert!(chunk.from <= chunk.to);
                for day in [chunk.from, chunk.to] {
                    prop_assert_eq!(chunk_of(interval, day), *chunk);
                }
            }
        }
    }

    #[test]
    fn chunks_are_of_the_calendar() {
        for (interval, day, chunk) in [
            ("1m", "2024-02-29", "2024-02-29..2024-02-29"),
            ("5m", "2024-02-29", "2024-02-26..2024-03-03"),
            ("30m", "2024-02-29", "2024-02-01..2024-02-29"),
            ("1h", "2024-02-29", "2024-01-01..2024-03-31"),
            ("1d", "2024-02-29", "2024-01-01..2024-12-31"),
            ("1w", "2024-02-29", "2020-01-01..2029-12-31"),
            ("1mo", "2024-02-29", "2000-01-01..2099-12-31"),
        ] {
            let chunk: DateRange = chunk.parse().unwrap();
            assert_eq!(chunk_of(interval.parse().unwrap(), day.parse().unwrap()), chunk, "{interval}");
            let id: SeriesId = format!("AAPL:{interval}:{chunk}").parse().unwrap();
            assert!(is_chunk(&id) && !is_chunk(&SeriesId { range: None, ..id.clone() }));
        }
        let reversed = chunks_of(Interval::Day, Date::MAX, Date::MIN).count();
        assert_eq!(reversed, 0);
    }
}
