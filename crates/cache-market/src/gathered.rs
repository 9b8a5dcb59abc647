//! Answers that came one call a key, put together as a batch.

use crate::{Answer, Answers, ProviderError};

/// The answers in their order. A key whose call failed fails alone, unless all did: then the batch has.
pub(crate) fn gathered<V>(answers: Vec<Result<Answer<V>, ProviderError>>) -> Answers<V> {
    if answers.iter().all(Result::is_err)
        && let Some(Err(first)) = answers.first()
    {
        return Err(first.clone());
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(Answer::Failed)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    #[test]
    fn a_key_fails_alone_unless_all_do() {
        let failed = || Err(ProviderError::new(Fault::TimedOut, "x did not answer"));
        let some = gathered(vec![failed(), Ok(Answer::Value(1)), Ok(Answer::Unknown)]).unwrap();
        assert!(matches!(some[..], [Answer::Failed(_), Answer::Value(1), Answer::Unknown]));
        assert!(gathered::<u8>(vec![failed(), failed()]).is_err());
        assert!(gathered::<u8>(Vec::new()).unwrap().is_empty());
    }
}
