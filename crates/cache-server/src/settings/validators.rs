//! Validators of single settings.

/// Accepts an hour of the day.
pub(super) fn hour(text: &str) -> Result<(), String> {
    match text.parse::<u8>() {
        Ok(0..=23) => Ok(()),
        _ => Err("give hours from 0 to 23, such as 0,6,12,18".to_owned()),
    }
}
