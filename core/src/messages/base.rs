//! The Base registry: the entries that this service emits, in its own words.
//!
//! Keys, arguments and severities are those of DMTF's `Base.1.22`.

use super::{Definition, Severity};

/// The registry and its version, as message ids begin.
pub(crate) const REGISTRY: &str = "Base.1.22";

pub(crate) const GENERAL_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "GeneralError",
    text: "The request was not carried out; the extended information tells what was wrong.",
    severity: Severity::Critical,
    resolution: "Correct what the extended information names and send the request again.",
};

pub(crate) const PROPERTY_UNKNOWN: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyUnknown",
    text: "The property '%1' is not known to this resource.",
    severity: Severity::Warning,
    resolution: "Leave the property out of the request body.",
};

pub(crate) const PROPERTY_DUPLICATE: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyDuplicate",
    text: "The property '%1' stands more than once in the same object.",
    severity: Severity::Warning,
    resolution: "Send the property once, with the value that is meant.",
};

pub(crate) const PROPERTY_NOT_WRITABLE: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyNotWritable",
    text: "The property '%1' can be read but not changed.",
    severity: Severity::Warning,
    resolution: "Leave the property out of the request body.",
};

pub(crate) const PROPERTY_VALUE_TYPE_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyValueTypeError",
    text: "The value '%1' of the property '%2' has the wrong type.",
    severity: Severity::Warning,
    resolution: "Send a value of the type that the schema gives for the property.",
};

pub(crate) const PROPERTY_VALUE_FORMAT_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyValueFormatError",
    text: "The value '%1' of the property '%2' has a form that is not accepted.",
    severity: Severity::Warning,
    resolution: "Send the value in the form that the schema describes.",
};

pub(crate) const STRING_VALUE_TOO_LONG: Definition = Definition {
    registry: REGISTRY,
    key: "StringValueTooLong",
    text: "The text '%1' is longer than the %2 characters that are accepted.",
    severity: Severity::Warning,
    resolution: "Send a shorter text.",
};

pub(crate) const ARRAY_SIZE_TOO_LONG: Definition = Definition {
    registry: REGISTRY,
    key: "ArraySizeTooLong",
    text: "The array '%1' has more than the %2 elements that are accepted.",
    severity: Severity::Warning,
    resolution: "Send fewer elements.",
};

pub(crate) const PROPERTY_VALUE_NOT_IN_LIST: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyValueNotInList",
    text: "The value '%1' of the property '%2' is not among those that are accepted.",
    severity: Severity::Warning,
    resolution: "Choose one of the values that the resource lists as allowable.",
};

pub(crate) const MALFORMED_JSON: Definition = Definition {
    registry: REGISTRY,
    key: "MalformedJSON",
    text: "The request body is not well-formed JSON.",
    severity: Severity::Critical,
    resolution: "Send a body that is well-formed JSON.",
};

pub(crate) const UNRECOGNIZED_REQUEST_BODY: Definition = Definition {
    registry: REGISTRY,
    key: "UnrecognizedRequestBody",
    text: "The request body is not a JSON object such as this request takes.",
    severity: Severity::Warning,
    resolution: "Send a JSON object with the members that the request takes.",
};

pub(crate) const NO_OPERATION: Definition = Definition {
    registry: REGISTRY,
    key: "NoOperation",
    text: "The request body names nothing that this service could change.",
    severity: Severity::Warning,
    resolution: "Name at least one writable property.",
};

pub(crate) const ACTION_PARAMETER_MISSING: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterMissing",
    text: "The action '%1' needs the parameter '%2'.",
    severity: Severity::Critical,
    resolution: "Add the parameter to the request body.",
};

pub(crate) const ACTION_PARAMETER_UNKNOWN: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterUnknown",
    text: "The action '%1' has no parameter '%2'.",
    severity: Severity::Warning,
    resolution: "Leave the parameter out of the request body.",
};

pub(crate) const ACTION_PARAMETER_DUPLICATE: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterDuplicate",
    text: "The action '%1' was sent more than one value for the parameter '%2'.",
    severity: Severity::Warning,
    resolution: "Send the parameter once, with the value that is meant.",
};

pub(crate) const ACTION_PARAMETER_NOT_SUPPORTED: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterNotSupported",
    text: "The parameter '%1' of the action '%2' is not supported.",
    severity: Severity::Warning,
    resolution: "Leave the parameter out of the request body.",
};

pub(crate) const ACTION_PARAMETER_VALUE_TYPE_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterValueTypeError",
    text: "The value '%1' of the parameter '%2' of the action '%3' has the wrong type.",
    severity: Severity::Warning,
    resolution: "Send a value of the type that the schema gives for the parameter.",
};

pub(crate) const ACTION_PARAMETER_VALUE_NOT_IN_LIST: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterValueNotInList",
    text: "The value '%1' of the parameter '%2' of the action '%3' is not among those that are accepted.",
    severity: Severity::Warning,
    resolution: "Choose one of the values that the resource lists as allowable.",
};

pub(crate) const ACTION_PARAMETER_VALUE_CONFLICT: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterValueConflict",
    text: "The value '%2' of the parameter '%1' does not go together with the other parameters.",
    severity: Severity::Warning,
    resolution: "Change the parameter, or leave it out.",
};

pub(crate) const ACTION_PARAMETER_VALUE_FORMAT_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "ActionParameterValueFormatError",
    text: "The value '%1' of the parameter '%2' of the action '%3' has a form that is not accepted.",
    severity: Severity::Warning,
    resolution: "Send the value in the form that the schema describes.",
};

pub(crate) const OPERATION_NOT_ALLOWED: Definition = Definition {
    registry: REGISTRY,
    key: "OperationNotAllowed",
    text: "This method cannot be used on this resource.",
    severity: Severity::Warning,
    resolution: "Use one of the methods that the Allow header lists.",
};

pub(crate) const OPERATION_FAILED: Definition = Definition {
    registry: REGISTRY,
    key: "OperationFailed",
    text: "The request was understood, and carrying it out failed.",
    severity: Severity::Critical,
    resolution: "Read the other messages of the response for the reason.",
};

pub(crate) const OPERATION_TIMEOUT: Definition = Definition {
    registry: REGISTRY,
    key: "OperationTimeout",
    text: "The change was not finished in the time that is allowed for it; it may still take effect.",
    severity: Severity::Warning,
    resolution: "Read the resource to see its state, and send the request again if need be.",
};

pub(crate) const RESOURCE_MISSING_AT_URI: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceMissingAtURI",
    text: "There is no resource at '%1'.",
    severity: Severity::Critical,
    resolution: "Follow the links of the service root to a resource that exists.",
};

pub(crate) const RESOURCE_NOT_FOUND: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceNotFound",
    text: "There is no resource of the type '%1' named '%2'.",
    severity: Severity::Critical,
    resolution: "Follow the links of the collection to a resource that exists.",
};

pub(crate) const RESOURCE_IN_USE: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceInUse",
    text: "The resource is busy with something that does not go together with the request.",
    severity: Severity::Warning,
    resolution: "Wait until that is finished and send the request again.",
};

pub(crate) const CREATE_LIMIT_REACHED_FOR_RESOURCE: Definition = Definition {
    registry: REGISTRY,
    key: "CreateLimitReachedForResource",
    text: "There are as many resources of this kind as there can be, and all of them are in use.",
    severity: Severity::Critical,
    resolution: "Wait until one of them is finished, or remove one, and send the request again.",
};

pub(crate) const INSUFFICIENT_PRIVILEGE: Definition = Definition {
    registry: REGISTRY,
    key: "InsufficientPrivilege",
    text: "The account may not do this.",
    severity: Severity::Critical,
    resolution: "Ask for the privilege, or use an account that has it.",
};

pub(crate) const ACCESS_UNAUTHORIZED: Definition = Definition {
    registry: REGISTRY,
    key: "AccessUnauthorized",
    text: "This needs a user name and a password that are valid for '%1'.",
    severity: Severity::Critical,
    resolution: "Send valid credentials with the request.",
};

pub(crate) const PRECONDITION_FAILED: Definition = Definition {
    registry: REGISTRY,
    key: "PreconditionFailed",
    text: "The resource is not in the version that the request was made for.",
    severity: Severity::Critical,
    resolution: "Read the resource again and repeat the change with the ETag that it has now.",
};

pub(crate) const HEADER_MISSING: Definition = Definition {
    registry: REGISTRY,
    key: "HeaderMissing",
    text: "The header '%1' is missing in the request.",
    severity: Severity::Critical,
    resolution: "Send the request again with the header.",
};

pub(crate) const HEADER_INVALID: Definition = Definition {
    registry: REGISTRY,
    key: "HeaderInvalid",
    text: "The header '%1' has a value that is not accepted.",
    severity: Severity::Critical,
    resolution: "Correct the header, or leave it out.",
};

pub(crate) const PAYLOAD_TOO_LARGE: Definition = Definition {
    registry: REGISTRY,
    key: "PayloadTooLarge",
    text: "The request body is larger than this service accepts.",
    severity: Severity::Critical,
    resolution: "Send a smaller body.",
};

pub(crate) const QUERY_PARAMETER_UNSUPPORTED: Definition = Definition {
    registry: REGISTRY,
    key: "QueryParameterUnsupported",
    text: "The query parameter '%1' is not supported.",
    severity: Severity::Warning,
    resolution: "Leave the query parameter out.",
};

pub(crate) const QUERY_NOT_SUPPORTED_ON_RESOURCE: Definition = Definition {
    registry: REGISTRY,
    key: "QueryNotSupportedOnResource",
    text: "This resource is not one that the query parameter can be used on.",
    severity: Severity::Warning,
    resolution: "Leave the query parameter out, or use it on a collection of resources.",
};

pub(crate) const QUERY_NOT_SUPPORTED_ON_OPERATION: Definition = Definition {
    registry: REGISTRY,
    key: "QueryNotSupportedOnOperation",
    text: "Query parameters can be used for reading only.",
    severity: Severity::Warning,
    resolution: "Leave the query parameters out of requests other than GET.",
};

pub(crate) const QUERY_COMBINATION_INVALID: Definition = Definition {
    registry: REGISTRY,
    key: "QueryCombinationInvalid",
    text: "The query parameters do not go together.",
    severity: Severity::Warning,
    resolution: "Leave one of the query parameters out.",
};

pub(crate) const QUERY_PARAMETER_VALUE_TYPE_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "QueryParameterValueTypeError",
    text: "The value '%1' of the query parameter '%2' has the wrong type.",
    severity: Severity::Warning,
    resolution: "Send a value of the type that the query parameter, or the property it is compared with, has.",
};

pub(crate) const QUERY_PARAMETER_VALUE_FORMAT_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "QueryParameterValueFormatError",
    text: "The value '%1' of the query parameter '%2' cannot be understood.",
    severity: Severity::Warning,
    resolution: "Write the value in the form that the Redfish specification describes.",
};

pub(crate) const QUERY_PARAMETER_VALUE_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "QueryParameterValueError",
    text: "The value of the query parameter '%1' is more than this service evaluates.",
    severity: Severity::Warning,
    resolution: "Send a simpler value.",
};

pub(crate) const QUERY_PARAMETER_OUT_OF_RANGE: Definition = Definition {
    registry: REGISTRY,
    key: "QueryParameterOutOfRange",
    text: "The value '%1' of the query parameter '%2' is outside of its range: %3.",
    severity: Severity::Warning,
    resolution: "Send a value within the range.",
};

pub(crate) const INSUFFICIENT_STORAGE: Definition = Definition {
    registry: REGISTRY,
    key: "InsufficientStorage",
    text: "The answer would be larger than this service can hold.",
    severity: Severity::Critical,
    resolution: "Ask for less at once: expand fewer levels, or choose fewer members with $top, $skip or $filter.",
};

pub(crate) const SERVICE_TEMPORARILY_UNAVAILABLE: Definition = Definition {
    registry: REGISTRY,
    key: "ServiceTemporarilyUnavailable",
    text: "The service cannot do this at present. Try again in %1 s.",
    severity: Severity::Critical,
    resolution: "Wait for the time that is given and send the request again.",
};

pub(crate) const SERVICE_SHUTTING_DOWN: Definition = Definition {
    registry: REGISTRY,
    key: "ServiceShuttingDown",
    text: "The service is shutting down and takes no more changes.",
    severity: Severity::Critical,
    resolution: "Send the request again in a while.",
};

pub(crate) const INTERNAL_ERROR: Definition = Definition {
    registry: REGISTRY,
    key: "InternalError",
    text: "The service failed to carry out the request, by a mistake of its own.",
    severity: Severity::Critical,
    resolution: "Send the request again; if it fails again, report it together with the value of the X-Request-Id header.",
};

pub(crate) const PROPERTY_MISSING: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyMissing",
    text: "The property '%1' is needed and is not there.",
    severity: Severity::Warning,
    resolution: "Add the property to the request body.",
};

pub(crate) const PROPERTY_VALUE_OUT_OF_RANGE: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyValueOutOfRange",
    text: "The value '%1' of the property '%2' is too small or too large.",
    severity: Severity::Warning,
    resolution: "Send a value within the range that is accepted.",
};

pub(crate) const PROPERTY_VALUE_CONFLICT: Definition = Definition {
    registry: REGISTRY,
    key: "PropertyValueConflict",
    text: "The property '%1' does not go together with the value of the property '%2'.",
    severity: Severity::Warning,
    resolution: "Change one of the two, or leave it out.",
};

pub(crate) const EVENT_SUBSCRIPTION_LIMIT_EXCEEDED: Definition = Definition {
    registry: REGISTRY,
    key: "EventSubscriptionLimitExceeded",
    text: "There are as many event subscriptions as there may be.",
    severity: Severity::Critical,
    resolution: "Delete a subscription that is no longer needed and send the request again.",
};

pub(crate) const EVENT_BUFFER_EXCEEDED: Definition = Definition {
    registry: REGISTRY,
    key: "EventBufferExceeded",
    text: "There were more events than could be kept for this subscriber; the oldest are lost.",
    severity: Severity::Warning,
    resolution: "Read the resources of interest to see what they have become.",
};

pub(crate) const PASSWORD_INCORRECT_LENGTH: Definition = Definition {
    registry: REGISTRY,
    key: "PasswordIncorrectLength",
    text: "The password has too few or too many characters.",
    severity: Severity::Warning,
    resolution: "Choose a password whose length is within the bounds that the account service shows.",
};

pub(crate) const PASSWORD_CHANGE_REQUIRED: Definition = Definition {
    registry: REGISTRY,
    key: "PasswordChangeRequired",
    text: "The password of this account must be changed before anything else: PATCH the property 'Password' of '%1'.",
    severity: Severity::Critical,
    resolution: "Send a new password in a PATCH request to the account.",
};

pub(crate) const RESOURCE_ALREADY_EXISTS: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceAlreadyExists",
    text: "There is already a resource of the type '%1' whose property '%2' is '%3'.",
    severity: Severity::Critical,
    resolution: "Choose another value, or change the resource that exists.",
};

pub(crate) const RESOURCE_CANNOT_BE_DELETED: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceCannotBeDeleted",
    text: "This resource cannot be deleted.",
    severity: Severity::Critical,
    resolution: "Do not delete it; the other messages may say where it comes from.",
};

pub(crate) const RESTRICTED_ROLE: Definition = Definition {
    registry: REGISTRY,
    key: "RestrictedRole",
    text: "The role '%1' cannot be given by this account.",
    severity: Severity::Warning,
    resolution: "Choose a role that has no more privileges than the account that gives it.",
};

pub(crate) const SESSION_LIMIT_EXCEEDED: Definition = Definition {
    registry: REGISTRY,
    key: "SessionLimitExceeded",
    text: "There are as many sessions as there may be.",
    severity: Severity::Critical,
    resolution: "Delete sessions that are no longer used, or wait until one of them ends by itself.",
};

pub(crate) const NO_VALID_SESSION: Definition = Definition {
    registry: REGISTRY,
    key: "NoValidSession",
    text: "The token belongs to no session, or to one that has ended.",
    severity: Severity::Critical,
    resolution: "Create a session and send the token of that.",
};

/// Every entry.
#[cfg(test)]
pub(crate) const ALL: &[Definition] = &[
    GENERAL_ERROR,
    PROPERTY_UNKNOWN,
    PROPERTY_DUPLICATE,
    PROPERTY_NOT_WRITABLE,
    PROPERTY_VALUE_TYPE_ERROR,
    PROPERTY_VALUE_FORMAT_ERROR,
    STRING_VALUE_TOO_LONG,
    ARRAY_SIZE_TOO_LONG,
    PROPERTY_VALUE_NOT_IN_LIST,
    MALFORMED_JSON,
    UNRECOGNIZED_REQUEST_BODY,
    NO_OPERATION,
    ACTION_PARAMETER_MISSING,
    ACTION_PARAMETER_UNKNOWN,
    ACTION_PARAMETER_DUPLICATE,
    ACTION_PARAMETER_NOT_SUPPORTED,
    ACTION_PARAMETER_VALUE_TYPE_ERROR,
    ACTION_PARAMETER_VALUE_NOT_IN_LIST,
    ACTION_PARAMETER_VALUE_CONFLICT,
    ACTION_PARAMETER_VALUE_FORMAT_ERROR,
    OPERATION_NOT_ALLOWED,
    OPERATION_FAILED,
    OPERATION_TIMEOUT,
    RESOURCE_MISSING_AT_URI,
    RESOURCE_NOT_FOUND,
    RESOURCE_IN_USE,
    CREATE_LIMIT_REACHED_FOR_RESOURCE,
    INSUFFICIENT_PRIVILEGE,
    ACCESS_UNAUTHORIZED,
    PRECONDITION_FAILED,
    HEADER_MISSING,
    HEADER_INVALID,
    PAYLOAD_TOO_LARGE,
    QUERY_PARAMETER_UNSUPPORTED,
    QUERY_NOT_SUPPORTED_ON_RESOURCE,
    QUERY_NOT_SUPPORTED_ON_OPERATION,
    QUERY_COMBINATION_INVALID,
    QUERY_PARAMETER_VALUE_TYPE_ERROR,
    QUERY_PARAMETER_VALUE_FORMAT_ERROR,
    QUERY_PARAMETER_VALUE_ERROR,
    QUERY_PARAMETER_OUT_OF_RANGE,
    INSUFFICIENT_STORAGE,
    SERVICE_TEMPORARILY_UNAVAILABLE,
    SERVICE_SHUTTING_DOWN,
    INTERNAL_ERROR,
    PROPERTY_MISSING,
    PROPERTY_VALUE_OUT_OF_RANGE,
    PROPERTY_VALUE_CONFLICT,
    EVENT_SUBSCRIPTION_LIMIT_EXCEEDED,
    EVENT_BUFFER_EXCEEDED,
    PASSWORD_INCORRECT_LENGTH,
    PASSWORD_CHANGE_REQUIRED,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_CANNOT_BE_DELETED,
    RESTRICTED_ROLE,
    SESSION_LIMIT_EXCEEDED,
    NO_VALID_SESSION,
];
