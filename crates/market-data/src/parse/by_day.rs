//! Values of days as upstreams list them, brought into order.

use jiff::civil::Date;

use crate::parse::ParseError;

/// Decimals of an amount that is added up: no currency has more, and a sum of floats no more that mean anything.
const DECIMALS: f64 = 1e9;

/// Returns the values, earliest first. What is told twice is told once.
///
/// # Errors
///
/// If a day has two different values: neither can be believed. `what` names a value: `a split`.
pub(crate) fn values_by_day(what: &str, told: Vec<(Date, f64)>) -> Result<Vec<(Date, f64)>, ParseError> {
    one_a_day(in_order(told)).map_err(|(day, [one, other])| {
        ParseError::new(format!("{what} of {day} is told as {one} and as {other}"))
    })
}

/// A day, and two different things that are told of it.
type Contradiction<T> = (Date, [T; 2]);

/// Returns what is told of each day, earliest first. What is told twice is told once.
///
/// # Errors
///
/// If of a day two different things are told.
pub(crate) fn one_a_day<T: PartialEq>(mut told: Vec<(Date, T)>) -> Result<Vec<(Date, T)>, Contradiction<T>> {
    told.sort_by_key(|(day, _)| *day);
    let mut days: Vec<(Date, T)> = Vec::with_capacity(told.len());
    for (day, other) in told {
        match days.pop_if(|(before, _)| *before == day) {
            Some((_, one)) if one != other => return Err((day, [one, other])),
            _ => days.push((day, other)),
        }
    }
    Ok(days)
}

/// Returns what was paid by day, earliest first. What is told twice is told once; different amounts of one day, as
/// of a usual and a special dividend, are added up. Amounts of 0 are left out: nothing was paid.
pub(crate) fn amounts_by_day(told: Vec<(Date, f64)>) -> Vec<(Date, f64)> {
    let mut amounts: Vec<(Date, f64)> = Vec::with_capacity(told.len());
    for (day, amount) in in_order(told).into_iter().filter(|(_, amount)| *amount != 0.0) {
        match amounts.last_mut().filter(|(before, _)| *before == day) {
            Some((_, paid)) => *paid = sum([*paid, amount].into_iter()),
            None => amounts.push((day, amount)),
        }
    }
    amounts
}

/// Adds amounts up, without what floats add behind their decimals.
pub(crate) fn sum(amounts: impl Iterator<Item = f64>) -> f64 {
    // Begun by hand: the sum of none would be -0.0.
    let sum = amounts.fold(0.0, |sum, amount| sum + amount);
    let rounded = (sum * DECIMALS).round() / DECIMALS;
    if rounded.is_finite() { rounded } else { sum }
}

fn in_order(mut told: Vec<(Date, f64)>) -> Vec<(Date, f64)> {
    told.sort_by(|(day, value), (other_day, other)| day.cmp(other_day).then(value.total_cmp(other)));
    told.dedup();
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told() -> impl Strategy<Value = Vec<(Date, f64)>> {
        let day = (1..6_i8).prop_map(|day| Date::constant(2020, 1, day));
        prop::collection::vec((day, (0..4_u8).prop_map(f64::from)), 0..8)
    }

    proptest! {
        #[test]
        fn each_day_is_there_once_in_order_whatever_the_order_of_the_source(told in told(), turn in 0..8_usize) {
            let mut turned = told.clone();
            turned.rotate_left(turn.min(told.len()));
            let days_go_up = |values: &[(Date, f64)]| values.windows(2).all(|pair| pair[0].0 < pair[1].0);
            let contradict = told.iter().any(|one| told.iter().any(|other| one.0 == other.0 && one.1 != other.1));

            let values = values_by_day("a value", told.clone());
            prop_assert_eq!(values.is_err(), contradict);
            prop_assert_eq!(&values, &values_by_day("a value", turned.clone()));
            prop_assert!(values.unwrap_or_default().iter().all(|value| told.contains(value)));

            let amounts = amounts_by_day(told);
            prop_assert!(days_go_up(&amounts) && amounts.iter().all(|(_, amount)| *amount > 0.0));
            prop_assert_eq!(amounts, amounts_by_day(turned));
        }
    }

    #[test]
    fn a_special_dividend_is_added_and_one_told_twice_is_not() {
        let day = Date::constant(2020, 1, 2);
        let told = vec![(day, 0.1), (day, 0.2), (day, 0.1), (day.tomorrow().unwrap(), 0.0)];
        assert_eq!(amounts_by_day(told), [(day, 0.3)]);
        let why = values_by_day("the split", vec![(day, 4.0), (day, 2.0)]).unwrap_err().to_string();
        assert_eq!(why, "the split of 2020-01-02 is told as 2 and as 4");
    }
}
