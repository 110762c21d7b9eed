//! Our own registry: what the virtualization cluster has to say, where DMTF's registries have no entry for it.

use super::{Definition, Severity};

/// The registry and its version, as message ids begin.
pub(crate) const REGISTRY: &str = "KubeVirt.1.0";

pub(crate) const REFUSED: Definition = Definition {
    registry: REGISTRY,
    key: "RefusedByCluster",
    text: "The virtualization cluster refused the change: %1",
    severity: Severity::Warning,
    resolution: "Change the request, or the virtual machine, so that the cluster accepts it.",
};

pub(crate) const STATE_CONFLICT: Definition = Definition {
    registry: REGISTRY,
    key: "StateConflict",
    text: "The virtual machine is in a state that does not allow it: %1",
    severity: Severity::Warning,
    resolution: "Wait until the virtual machine is in another state, or bring it there, and send the request again.",
};

pub(crate) const EARLIER_REQUEST_PENDING: Definition = Definition {
    registry: REGISTRY,
    key: "EarlierRequestPending",
    text: "The virtualization cluster has not answered an earlier request that changes the power of the system, and may still carry it out.",
    severity: Severity::Warning,
    resolution: "Read PowerState. Send the request again after the time in the header Retry-After, when the earlier one has been carried out or cannot be any more.",
};

pub(crate) const NOT_PERMITTED: Definition = Definition {
    registry: REGISTRY,
    key: "ServiceNotPermitted",
    text: "The service itself lacks the right to do this in the cluster.",
    severity: Severity::Critical,
    resolution: "Give the service account of this service the role that its documentation names. The log of the service says which right is missing.",
};

pub(crate) const NOT_STORED: Definition = Definition {
    registry: REGISTRY,
    key: "NotStored",
    text: "The service could not store this: the virtualization cluster refused to keep it.",
    severity: Severity::Critical,
    resolution: "An administrator of the service has to see to it. The log of the service says what the cluster answered.",
};

pub(crate) const NOT_SUPPORTED: Definition = Definition {
    registry: REGISTRY,
    key: "NotSupportedByCluster",
    text: "This virtualization cluster has no way to do it: %1",
    severity: Severity::Warning,
    resolution: "Use another request, or a cluster whose version has the feature.",
};

pub(crate) const IMAGE_SCHEME_NOT_SUPPORTED: Definition = Definition {
    registry: REGISTRY,
    key: "ImageSchemeNotSupported",
    text: "The image '%1' cannot be had: its scheme is none of %2.",
    severity: Severity::Warning,
    resolution: "Offer the image by one of the schemes that the message lists.",
};

pub(crate) const HOST_NOT_ALLOWED: Definition = Definition {
    registry: REGISTRY,
    key: "HostNotAllowed",
    text: "The host '%1' cannot be used: %2.",
    severity: Severity::Warning,
    resolution: "Name another host, or have the administrator of the service allow this one in its configuration.",
};

pub(crate) const ANNOTATION_IGNORED: Definition = Definition {
    registry: REGISTRY,
    key: "AnnotationIgnored",
    text: "The annotation %1, of the virtual machine or of an image that is copied for it, is ignored: %2.",
    severity: Severity::Warning,
    resolution: "Remove the annotation in the cluster, or correct it. The service writes it anew when there is a need for it.",
};

pub(crate) const AMBIGUOUS_NAME: Definition = Definition {
    registry: REGISTRY,
    key: "AmbiguousSystemName",
    text: "The name '%1' stands for more than one system: %2.",
    severity: Severity::Warning,
    resolution: "Use one of the names that the message lists.",
};

pub(crate) const CONFIGURED_ACCOUNT: Definition = Definition {
    registry: REGISTRY,
    key: "ConfiguredAccount",
    text: "The account '%1' comes from the configuration of this service and can only be changed there.",
    severity: Severity::Warning,
    resolution: "Change the configuration of the service, or create another account.",
};

pub(crate) const USER_NAME_FORMAT: Definition = Definition {
    registry: REGISTRY,
    key: "UserNameFormat",
    text: "A user name has 1 to 64 characters: the letters A to Z and a to z, digits, and . _ @ + -; it begins with a letter, a digit or _.",
    severity: Severity::Warning,
    resolution: "Choose a user name of these characters.",
};

pub(crate) const TOO_MANY_FAILED_LOGINS: Definition = Definition {
    registry: REGISTRY,
    key: "TooManyFailedLogins",
    text: "Too many wrong passwords came from this address. Try again in %1 s.",
    severity: Severity::Warning,
    resolution: "Wait for the time that is given, and correct the password before you send the request again.",
};

pub(crate) const TOO_MANY_REQUESTS: Definition = Definition {
    registry: REGISTRY,
    key: "TooManyRequests",
    text: "As many requests of this user, or of this address, are being worked on as may be at a time.",
    severity: Severity::Warning,
    resolution: "Wait for answers to earlier requests, and send the request again after the time in the header Retry-After.",
};

pub(crate) const CLOCK_NOT_SETTABLE: Definition = Definition {
    registry: REGISTRY,
    key: "ClockNotSettable",
    text: "The property '%1' cannot be given another value: the clock is that of the cluster, which says %2.",
    severity: Severity::Warning,
    resolution: "Leave the property out of the request body, or correct the clocks of the cluster's nodes.",
};

pub(crate) const IMPORT_FAILED: Definition = Definition {
    registry: REGISTRY,
    key: "ImportFailed",
    text: "The image could not be copied into the virtualization cluster: %1",
    severity: Severity::Critical,
    resolution: "See to it that the cluster can read the image at its URL, or eject it and insert another one.",
};

pub(crate) const TLS_REQUIRED: Definition = Definition {
    registry: REGISTRY,
    key: "TlsRequired",
    text: "The request came without encryption, and this service speaks HTTPS only.",
    severity: Severity::Critical,
    resolution: "Send the request to an https URL. Change the credentials if there were any in it: others may have read them.",
};

pub(crate) const HEAD_TOO_LARGE: Definition = Definition {
    registry: REGISTRY,
    key: "HeadTooLarge",
    text: "The %1 of the request are too large: they may have %2.",
    severity: Severity::Warning,
    resolution: "Send fewer or shorter headers, or a shorter query, and send the request again.",
};

pub(crate) const MALFORMED_REQUEST: Definition = Definition {
    registry: REGISTRY,
    key: "MalformedRequest",
    text: "The request cannot be read: its request line, one of its headers or what frames its body is not what HTTP/1.1 has.",
    severity: Severity::Warning,
    resolution: "Send the request with a client that speaks HTTP/1.1 or HTTP/2, and look for proxies that change it on its way.",
};

pub(crate) const BODY_LATE: Definition = Definition {
    registry: REGISTRY,
    key: "BodyLate",
    text: "The body of the request did not arrive within %1 s.",
    severity: Severity::Warning,
    resolution: "Send the request again, and look for what holds it up on its way.",
};

pub(crate) const CLUSTER_UNAVAILABLE: Definition = Definition {
    registry: REGISTRY,
    key: "ClusterUnavailable",
    text: "The virtualization cluster does not answer at present, or asks to be left alone for a while.",
    severity: Severity::Critical,
    resolution: "Wait and send the request again. The log of the service has the reason, with the id in X-Request-Id.",
};

pub(crate) const NOT_YET_KNOWN: Definition = Definition {
    registry: REGISTRY,
    key: "NotYetKnown",
    text: "The service has not read %1 yet, or cannot read them at present.",
    severity: Severity::Warning,
    resolution: "Wait and send the request again. If that lasts, the log of the service tells what it may not read.",
};

pub(crate) const TOO_MANY_CHANGES: Definition = Definition {
    registry: REGISTRY,
    key: "TooManyChanges",
    text: "As many changes of this system wait for their turn as may, which is %1.",
    severity: Severity::Warning,
    resolution: "Wait until some of them have been made, and send the request again.",
};

pub(crate) const CHANGE_NOT_BEGUN: Definition = Definition {
    registry: REGISTRY,
    key: "ChangeNotBegun",
    text: "The change was not begun, because those of the same system before it took longer than %1 s.",
    severity: Severity::Warning,
    resolution: "Nothing has been changed by it. Send the request again.",
};

pub(crate) const TOO_MUCH_AT_ONCE: Definition = Definition {
    registry: REGISTRY,
    key: "TooMuchAtOnce",
    text: "As many %1 are under way as may, and the request was not begun.",
    severity: Severity::Warning,
    resolution: "Wait and send the request again.",
};

pub(crate) const CONCURRENT_CHANGES: Definition = Definition {
    registry: REGISTRY,
    key: "ConcurrentChanges",
    text: "Others changed the same thing at the same time, again and again, so that the change could not be made.",
    severity: Severity::Warning,
    resolution: "Nothing has been changed by the request. Send it again when the others have finished.",
};

pub(crate) const CALLED_OFF: Definition = Definition {
    registry: REGISTRY,
    key: "CalledOff",
    text: "The request was called off before it was carried out: %1",
    severity: Severity::Warning,
    resolution: "Read the resource to see its state, and send the request again if it is still wanted.",
};

pub(crate) const POWER_ON_DEFERRED: Definition = Definition {
    registry: REGISTRY,
    key: "PowerOnDeferred",
    text: "The system is going to be turned on as soon as %1.",
    severity: Severity::Ok,
    resolution: "Nothing has to be done. Turn the system off, or delete the task, to have it stay off.",
};

pub(crate) const MEDIA_LEFT_OUT: Definition = Definition {
    registry: REGISTRY,
    key: "MediaLeftOut",
    text: "The system was started without the image %1, which the virtualization cluster could not provide: %2",
    severity: Severity::Warning,
    resolution: "See to it that the cluster can read the image at its URL, and insert it again.",
};

pub(crate) const REBOOT_BOOTS_AGAIN: Definition = Definition {
    registry: REGISTRY,
    key: "RebootBootsAgain",
    text: "Once the system has booted from '%1', a restart by the guest itself boots from there again.",
    severity: Severity::Ok,
    resolution: "Reset the system, or turn it off and on, to have it boot in its own order.",
};

pub(crate) const SYSTEM_IMPAIRED: Definition = Definition {
    registry: REGISTRY,
    key: "SystemImpaired",
    text: "The virtualization cluster reports %1, which does not keep the system from running: %2",
    severity: Severity::Warning,
    resolution: "See to what the cluster reports before the system is started the next time.",
};

pub(crate) const NOT_SEEN: Definition = Definition {
    registry: REGISTRY,
    key: "ClusterNotSeen",
    text: "The virtualization cluster has not been seen since %1: what is shown here may be out of date.",
    severity: Severity::Warning,
    resolution: "See to the connection between this service and the cluster. What is shown is brought up to date as soon as the cluster answers.",
};

pub(crate) const NOT_LISTED: Definition = Definition {
    registry: REGISTRY,
    key: "ClusterNotListed",
    text: "The systems of the chassis '%1' are not known: the virtualization cluster has not shown them to this service.",
    severity: Severity::Critical,
    resolution: "See to the connection between this service and the cluster. The log of the service says what it was answered.",
};

pub(crate) const NAMESPACE_WITHHELD: Definition = Definition {
    registry: REGISTRY,
    key: "NamespaceWithheld",
    text: "The service itself lacks the right to %1 in the namespace '%2', so it does not see the systems of the chassis '%3'.",
    severity: Severity::Critical,
    resolution: "Give the service account of this service the role that its documentation names. Nothing has to be restarted.",
};

pub(crate) const RIGHT_MISSING: Definition = Definition {
    registry: REGISTRY,
    key: "ServiceRightMissing",
    text: "The service itself lacks the right to %1 in the namespace '%2'.",
    severity: Severity::Warning,
    resolution: "Give the service account of this service the role that its documentation names. Nothing has to be restarted.",
};

pub(crate) const SYSTEM_FAILING: Definition = Definition {
    registry: REGISTRY,
    key: "SystemFailing",
    text: "The virtualization cluster reports %1, which keeps the system from running: %2",
    severity: Severity::Critical,
    resolution: "See to what the cluster reports; the events of the virtual machine in the cluster say more.",
};

pub(crate) const HOST_NOT_HEARD: Definition = Definition {
    registry: REGISTRY,
    key: "HostNotHeard",
    text: "The virtualization cluster does not hear from the host %1 of the system: whether its guest runs is not known.",
    severity: Severity::Warning,
    resolution: "Bring the host back, or make sure that it is off and tell the cluster so; do not take the system for off before.",
};

pub(crate) const RESTART_PENDING: Definition = Definition {
    registry: REGISTRY,
    key: "RestartPending",
    text: "The system has been changed in a way that takes effect when it is next turned off and on.",
    severity: Severity::Ok,
    resolution: "Nothing has to be done. Reset the system to have the change take effect now.",
};

/// Every entry, with what it is about.
pub(crate) const ALL: &[(Definition, &str)] = &[
    (REFUSED, "The cluster does not accept a change."),
    (STATE_CONFLICT, "A change does not go together with the state of the virtual machine."),
    (EARLIER_REQUEST_PENDING, "What became of an earlier request for another power state is not known yet."),
    (NOT_PERMITTED, "The service has not been given a right in the cluster that a change needs."),
    (NOT_STORED, "The cluster does not keep what the service has to store, such as sessions."),
    (NOT_SUPPORTED, "The cluster lacks what a change needs."),
    (IMAGE_SCHEME_NOT_SUPPORTED, "An image is named by a scheme that nothing is fetched by."),
    (HOST_NOT_ALLOWED, "Something is to be fetched from, or sent to, a host that the service keeps away from."),
    (ANNOTATION_IGNORED, "Somebody has written an annotation of the service's that cannot be read."),
    (AMBIGUOUS_NAME, "A name without a namespace stands for several systems."),
    (IMPORT_FAILED, "An image could not be imported."),
    (POWER_ON_DEFERRED, "A power-on is carried out later."),
    (NOT_SEEN, "The cluster is out of sight, and what is shown is of before."),
    (NOT_LISTED, "The cluster has not shown the systems of a chassis since the service began."),
    (NAMESPACE_WITHHELD, "The service may not see the systems of a chassis."),
    (RIGHT_MISSING, "The service lacks a right without which it shows less."),
    (SYSTEM_IMPAIRED, "Something is wrong with a system that runs, or could."),
    (SYSTEM_FAILING, "Something keeps a system from running."),
    (HOST_NOT_HEARD, "The host of a system is lost, or does not answer."),
    (RESTART_PENDING, "A change of a system waits for its next start."),
    (MEDIA_LEFT_OUT, "A system was started without an image that was inserted."),
    (REBOOT_BOOTS_AGAIN, "A boot override lasts for as long as the guest restarts itself."),
    (CONFIGURED_ACCOUNT, "An account of the configuration was to be changed."),
    (USER_NAME_FORMAT, "An account was to get a user name that it cannot have."),
    (TOO_MANY_FAILED_LOGINS, "A client has sent too many wrong passwords."),
    (TOO_MANY_REQUESTS, "As many requests of a user are under way as may be."),
    (CLOCK_NOT_SETTABLE, "A manager's clock was to be set to another time."),
    (TLS_REQUIRED, "A request came without encryption that is not to be redirected."),
    (CLUSTER_UNAVAILABLE, "The cluster does not answer."),
    (NOT_YET_KNOWN, "What a request is about has not been read."),
    (TOO_MANY_CHANGES, "Too many changes of one system wait."),
    (CHANGE_NOT_BEGUN, "A change has waited for its turn for too long."),
    (TOO_MUCH_AT_ONCE, "The service has as much to do as it may have."),
    (CONCURRENT_CHANGES, "Others kept changing what a request was to change."),
    (CALLED_OFF, "A request was called off, by its sender or by a later one."),
    (MALFORMED_REQUEST, "A request is not HTTP."),
    (BODY_LATE, "The body of a request did not arrive in time."),
    (HEAD_TOO_LARGE, "The URI or the headers of a request are larger than the service takes."),
];
