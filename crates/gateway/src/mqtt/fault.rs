//! Why a connection is over.

use rumqttc::{ConnectionError, v5};
use std::time::Duration;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What the library says.
    #[error("{0}")]
    Connection(String),
    /// The connection ended without a word.
    #[error("the connection has ended")]
    Gone,
    /// The broker does not answer.
    #[error("it has acknowledged nothing for {0:?}")]
    Silent(Duration),
    /// The broker acknowledges what was not sent.
    #[error("it acknowledges what was not sent")]
    Confused,
    /// The broker takes a report no more, for a reason that may pass.
    #[error("it refuses a report: {0}")]
    Refused(String),
    /// The broker does not let the gateway do its work until somebody changes that.
    #[error("it does not allow it: {0}")]
    Barred(String),
}

impl Fault {
    /// The refusals of a broker are the library's debug words otherwise.
    pub(crate) fn five(error: &v5::ConnectionError) -> Self {
        use v5::mqttbytes::v5::{ConnectReturnCode as Code, DisconnectReasonCode};
        match error {
            v5::ConnectionError::ConnectionRefused(code) => match code {
                Code::NotAuthorized | Code::BadUserNamePassword | Code::Banned | Code::BadAuthenticationMethod => {
                    Self::Barred(format!("the connection: {code:?}"))
                }
                _ => Self::Connection(format!("the broker refuses: {code:?}")),
            },
            v5::ConnectionError::MqttState(v5::StateError::ServerDisconnect { reason_code, .. }) => match reason_code {
                DisconnectReasonCode::NotAuthorized => Self::Barred("it ends the connection: NotAuthorized".to_owned()),
                _ => Self::Connection(format!("the broker ends the connection: {reason_code:?}")),
            },
            other => Self::Connection(other.to_string()),
        }
    }

    pub(crate) fn three(error: &ConnectionError) -> Self {
        use rumqttc::ConnectReturnCode as Code;
        match error {
            ConnectionError::ConnectionRefused(code @ (Code::NotAuthorized | Code::BadUserNamePassword)) => {
                Self::Barred(format!("the connection: {code:?}"))
            }
            ConnectionError::ConnectionRefused(code) => Self::Connection(format!("the broker refuses: {code:?}")),
            other => Self::Connection(other.to_string()),
        }
    }
}
