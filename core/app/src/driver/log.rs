//! What the engine tells the log, as lines with fields.

use kubevirt_redfish_core::model::CorrelationId;
use kubevirt_redfish_core::{Cause, LogEvent};

pub(super) fn write(event: &LogEvent) {
    match event {
        LogEvent::Notice(notice) => {
            let Cause { user, client, request } = notice.cause();
            let (remote_addr, correlation_id) = (client.map(tracing::field::display), id(request));
            if notice.is_good() {
                tracing::info!(correlation_id, remote_addr, user, "{notice}");
            } else {
                tracing::warn!(correlation_id, remote_addr, user, "{notice}");
            }
        }
        LogEvent::Command { subject: vm, action, correlation, routine, result } => {
            let correlation_id = id(correlation.as_ref());
            match result {
                Ok(()) if *routine => tracing::debug!(vm, action, "command done"),
                Ok(()) => tracing::info!(correlation_id, vm, action, "command done"),
                Err(error) if *routine => tracing::debug!(correlation_id, vm, action, %error, "command failed"),
                Err(error) => tracing::warn!(correlation_id, vm, action, %error, "command failed"),
            }
        }
        LogEvent::Delivery { subscription, result: Ok(status) } => {
            tracing::debug!(subscription, status = status.as_u16(), "events sent");
        }
        LogEvent::Delivery { subscription, result: Err(error) } => {
            tracing::warn!(subscription, %error, "events not sent");
        }
        LogEvent::ImageSize { subject: vm, correlation, result } => {
            let correlation_id = id(correlation.as_ref());
            match result {
                Ok(status) => {
                    let status = status.as_u16();
                    tracing::debug!(correlation_id, vm, status, "a server was asked for an image's size");
                }
                Err(error) => {
                    tracing::info!(correlation_id, vm, %error, "a server does not say how large an image is");
                }
            }
        }
        LogEvent::Unseen(blindness) => {
            let source = &blindness.source;
            let namespace = source.namespace.as_deref();
            tracing::debug!(kind = source.kind, namespace, obstacle = ?blindness.obstacle, "out of sight");
        }
        LogEvent::Seen(source) => {
            tracing::debug!(kind = source.kind, namespace = source.namespace.as_deref(), "in sight");
        }
        LogEvent::TimeServer(correction) => tracing::debug!(correction, "time server asked"),
        LogEvent::NoTimeServer(servers) => tracing::warn!(?servers, "no time server answers"),
    }
}

fn id(request: Option<&CorrelationId>) -> Option<&str> {
    request.map(CorrelationId::as_str)
}
