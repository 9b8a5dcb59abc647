//! Answers that came one call a key, put together as a batch.

use crate::{Answer, Answers, ProviderError, ProviderErrorKind};

/// Returns the answers in their order. A key whose call failed fails alone, unless all did: then the batch has.
pub(crate) fn from_single_calls<V>(answers: Vec<Result<Answer<V>, ProviderError>>) -> Answers<V> {
    if answers.iter().all(Result::is_err)
        && let Some(Err(first)) = answers.first()
    {
        return Err(first.clone());
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(Answer::Failed)).collect())
}

/// Returns the answers to a call, unless there are more or fewer than keys: nobody can tell then which is
/// whose.
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
