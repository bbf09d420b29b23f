//! What an error code of Kafka means for a record. The codes are those of the protocol (positive) and of the client
//! library (negative); what is not in the table is tried again with a new client.

use crate::sinks::refused::Why;
use rdkafka::types::RDKafkaErrorCode as Code;

/// What becomes of a record, or of the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The brokers will never take this record, or one that went with it.
    Never(Why),
    /// Another record of its batch is refused.
    Another,
    /// Nothing goes until somebody changes something: the sink waits and says so.
    Refused,
    /// It may pass.
    Passing,
}

const VERDICTS: &[(Code, Verdict)] = &[
    (Code::MessageSizeTooLarge, Verdict::Never(Why::TooLarge { limit: None })),
    (Code::InvalidMessageSize, Verdict::Never(Why::TooLarge { limit: None })),
    (Code::MessageBatchTooLarge, Verdict::Never(Why::TooLarge { limit: None })),
    (Code::InvalidRecord, Verdict::Never(Why::InvalidRecord)),
    (Code::InvalidDifferentRecord, Verdict::Another),
    (Code::Authentication, Verdict::Refused),
    (Code::SaslAuthenticationFailed, Verdict::Refused),
    (Code::UnsupportedSASLMechanism, Verdict::Refused),
    (Code::IllegalSASLState, Verdict::Refused),
    (Code::SSL, Verdict::Refused),
    (Code::TopicAuthorizationFailed, Verdict::Refused),
    (Code::ClusterAuthorizationFailed, Verdict::Refused),
    (Code::TransactionalIdAuthorizationFailed, Verdict::Refused),
    (Code::SecurityDisabled, Verdict::Refused),
    (Code::UnknownTopic, Verdict::Refused),
    (Code::UnknownTopicOrPartition, Verdict::Refused),
    (Code::UnknownPartition, Verdict::Refused),
    (Code::InvalidTopic, Verdict::Refused),
    (Code::PolicyViolation, Verdict::Refused),
    (Code::InvalidConfig, Verdict::Refused),
    (Code::InvalidRequiredAcks, Verdict::Refused),
    (Code::InvalidTimestamp, Verdict::Refused),
    (Code::UnsupportedVersion, Verdict::Refused),
    (Code::UnsupportedForMessageFormat, Verdict::Refused),
    (Code::UnsupportedCompressionType, Verdict::Refused),
    (Code::UnsupportedFeature, Verdict::Refused),
];

/// What a code means.
pub(super) fn of(code: Code) -> Verdict {
    VERDICTS.iter().find(|(known, _)| *known == code).map_or(Verdict::Passing, |(_, verdict)| *verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_broker_ever_takes_is_set_aside() {
        for (code, verdict) in [
            (Code::MessageSizeTooLarge, Verdict::Never(Why::TooLarge { limit: None })),
            (Code::TopicAuthorizationFailed, Verdict::Refused),
            (Code::NotEnoughReplicas, Verdict::Passing),
            (Code::OutOfOrderSequenceNumber, Verdict::Passing),
            (Code::Unknown, Verdict::Passing),
        ] {
            assert_eq!(of(code), verdict, "{code}");
        }
        for (n, (code, _)) in VERDICTS.iter().enumerate() {
            assert!(VERDICTS[..n].iter().all(|(other, _)| other != code), "{code} twice");
        }
    }
}
