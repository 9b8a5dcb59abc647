//! The rate of inflation, from consumer prices.

use std::collections::BTreeMap;

use crate::{Invalid, Observation, Observations};

/// Returns the rate of inflation for each month of a series of consumer prices: by how many percent they are above
/// those of the same month a year before. Months without one a year before are left out.
///
/// # Errors
///
/// If a month has two values, or a value isn't above 0: then these are no consumer prices by month.
///
/// ```
/// use market_data::{Date, Observation, Observations, formulas::inflation_rate};
///
/// let prices = [(2024, 200.0), (2025, 206.0)];
/// let observations = prices.map(|(year, value)| Observation { date: Date::constant(year, 1, 1), value });
/// let rate = inflation_rate(&Observations { observations: observations.into(), ..Observations::default() })?;
/// assert_eq!((rate.observations[0].value, rate.unit.as_deref()), (3.0, Some("percent")));
/// # Ok::<(), market_data::Invalid>(())
/// ```
pub fn inflation_rate(prices: &Observations) -> Result<Observations, Invalid> {
    let mut by_month = BTreeMap::new();
    for Observation { date, value } in &prices.observations {
        if !(*value > 0.0 && value.is_finite()) {
            return Err(Invalid::new(format!("consumer prices of {date} are {value}: they must be above 0")));
        }
        if by_month.insert((date.year(), date.month()), *value).is_some() {
            let (year, month) = (date.year(), date.month());
            let wanted = "give consumer prices by month, or less often";
            return Err(Invalid::new(format!("{year}-{month:02} has two values: {wanted}")));
        }
    }
    let rate = |one: &Observation| {
        let before = by_month.get(&(one.date.year().checked_sub(1)?, one.date.month()))?;
        let value = 100.0 * (one.value - before) / before;
        value.is_finite().then_some(Observation { date: one.date, value })
    };
    Ok(Observations {
        name: prices.name.as_deref().map(|name| format!("Inflation, a year's change of: {name}").into()),
        unit: Some("percent".into()),
        interval: prices.interval.clone(),
        observations: prices.observations.iter().filter_map(rate).collect(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::DocumentBody;

    fn series(values: &[(i16, i8, f64)]) -> Observations {
        let one = |(year, month, value): &(i16, i8, f64)| Observation {
            date: date(*year, *month, 1),
            value: *value,
        };
        Observations { observations: values.iter().map(one).collect(), ..Observations::default() }
    }

    /// Consumer prices of all urban consumers, not seasonally adjusted, as the Bureau of Labor Statistics
    /// published them, with its rates to one decimal.
    #[test]
    fn published_rates_come_out_as_they_were_published() {
        let prices = series(&[
            (2020, 6, 257.797),
            (2021, 6, 271.696),
            (2021, 12, 278.802),
            (2022, 6, 296.311),
            (2022, 12, 296.797),
        ]);
        let rates: Vec<(String, f64)> = inflation_rate(&prices)
            .unwrap()
            .observations
            .iter()
            .map(|one| (one.date.to_string(), (one.value * 10.0).round() / 10.0))
            .collect();
        let expected = [("2021-06-01", 5.4), ("2022-06-01", 9.1), ("2022-12-01", 6.5)];
        assert_eq!(rates, expected.map(|(day, rate)| (day.to_owned(), rate)));
    }

    #[test]
    fn what_are_no_prices_by_month_is_refused_with_the_reason() {
        let twice = Observations {
            observations: [2, 9].map(|day| Observation { date: date(2020, 1, day), value: 1.0 }).into(),
            ..Observations::default()
        };
        assert!(inflation_rate(&twice).unwrap_err().to_string().contains("2020-01 has two values"));
        for value in [0.0, -1.0, f64::NAN] {
            let told = inflation_rate(&series(&[(2020, 1, value)])).unwrap_err().to_string();
            assert!(told.contains("must be above 0"), "{told}");
        }
        assert!(inflation_rate(&Observations::default()).unwrap().observations.is_empty());
    }

    proptest! {
        #[test]
        fn a_rate_tells_the_price_of_a_year_before(values in prop::collection::vec(0.01..1e6_f64, 0..60)) {
            let month = |at: usize| (2000 + (at / 12) as i16, (at % 12) as i8 + 1);
            let prices: Vec<_> = values.iter().enumerate().map(|(at, value)| (month(at).0, month(at).1, *value)).collect();
            let rates = inflation_rate(&series(&prices)).unwrap();
            rates.check().unwrap();
            prop_assert_eq!(rates.observations.len(), values.len().saturating_sub(12));
            for (rate, (before, now)) in rates.observations.iter().zip(values.iter().zip(values.iter().skip(12))) {
                prop_assert!((before * (1.0 + rate.value / 100.0) - now).abs() < 1e-6 * now.max(1.0));
            }
        }
    }
}
