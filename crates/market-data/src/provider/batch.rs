//! Batches of answers: assembled from single calls, and checked against their keys.

use crate::{Answer, Answers, ProviderError, ProviderErrorKind};

/// Assembles a batch from calls of one key each. A failed call fails its key alone, unless all failed: then
/// the batch fails.
pub(crate) fn from_single_calls<V>(answers: Vec<Result<Answer<V>, ProviderError>>) -> Answers<V> {
    if answers.iter().all(Result::is_err)
        && let Some(Err(first)) = answers.first()
    {
        return Err(first.clone());
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(Answer::Failed)).collect())
}

/// Returns the answers to a call if there is one for each key.
///
/// # Errors
///
/// `BadAnswer` if there are more or fewer answers than keys: none can be matched to its key then.
pub fn one_answer_per_key<V>(provider: &str, keys: usize, answers: Answers<V>) -> Answers<V> {
    let answers = answers?;
    if answers.len() == keys {
        return Ok(answers);
    }
    let message = format!("{provider} was asked for {keys} keys and answered {}", answers.len());
    Err(ProviderError::new(ProviderErrorKind::BadAnswer, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fails_alone_unless_all_do() {
        let failed = || Err(ProviderError::new(ProviderErrorKind::TimedOut, "x did not answer"));
        let some = from_single_calls(vec![failed(), Ok(Answer::Value(1)), Ok(Answer::Unknown)]).unwrap();
        assert!(matches!(some[..], [Answer::Failed(_), Answer::Value(1), Answer::Unknown]));
        assert!(from_single_calls::<u8>(vec![failed(), failed()]).is_err());
        assert!(from_single_calls::<u8>(Vec::new()).unwrap().is_empty());
    }
}
