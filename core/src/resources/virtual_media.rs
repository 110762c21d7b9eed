//! `/redfish/v1/Systems/{system}/VirtualMedia/{slot}`: a virtual drive. Schema `VirtualMedia`, version 1.6.5.

use http::Uri;
use serde::Serialize;
use serde_json::Value;

use super::operation_apply_time::OperationApplyTimeSupport;
use super::{Context, Status, parameters};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base};
use crate::model::{Action, ImageCredentials, ImagePassword, ImportState, InsertMedia, Slot};
use crate::route::{MediaAction, Route};
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("VirtualMedia", "v1_6_5");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VirtualMedia<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    media_types: &'static [&'static str],
    image: Option<&'a str>,
    image_name: Option<&'a str>,
    inserted: bool,
    connected_via: &'static str,
    write_protected: bool,
    transfer_protocol_type: Option<&'static str>,
    transfer_method: &'static str,
    user_name: Option<&'a str>,
    password: Option<&'a str>,
    status: Status,
    actions: Actions<'a>,
}

#[derive(Serialize)]
struct Actions<'a> {
    #[serde(rename = "#VirtualMedia.InsertMedia")]
    insert: InsertAction<'a>,
    #[serde(rename = "#VirtualMedia.EjectMedia")]
    eject: EjectAction<'a>,
}

#[derive(Serialize)]
struct InsertAction<'a> {
    target: Route<'a>,
    #[serde(rename = "@Redfish.OperationApplyTimeSupport")]
    apply_time: OperationApplyTimeSupport,
    #[serde(rename = "TransferProtocolType@Redfish.AllowableValues")]
    protocols: [&'static str; 2],
    #[serde(rename = "TransferMethod@Redfish.AllowableValues")]
    methods: [&'static str; 2],
}

#[derive(Serialize)]
struct EjectAction<'a> {
    target: Route<'a>,
    #[serde(rename = "@Redfish.OperationApplyTimeSupport")]
    apply_time: OperationApplyTimeSupport,
}

pub(super) fn represent(context: &Context<'_>, vm: &Vm, slot: Slot) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let medium = vm.medium(slot);
    let image = medium.map(|medium| &*medium.image);
    let media = VirtualMedia {
        odata_id: Route::VirtualMedia(id, slot),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: slot.name(),
        name: match slot {
            Slot::Cd => "Virtual CD",
            Slot::Usb => "Virtual USB Stick",
            Slot::Http => "Boot Image",
        },
        media_types: match slot {
            Slot::Cd | Slot::Http => &["CD", "DVD"],
            Slot::Usb => &["USBStick"],
        },
        image,
        image_name: image.map(image_name),
        inserted: image.is_some(),
        connected_via: if image.is_some() { "URI" } else { "NotConnected" },
        write_protected: medium.is_none_or(|medium| medium.write_protected),
        transfer_protocol_type: image.map(|image| if is_https(image) { HTTPS } else { HTTP }),
        transfer_method: UPLOAD,
        // What was given is the importer's alone.
        user_name: None,
        password: None,
        status: status(vm, slot),
        actions: Actions {
            insert: InsertAction {
                target: Route::VirtualMediaAction(id, slot, MediaAction::Insert),
                apply_time: OperationApplyTimeSupport,
                protocols: PROTOCOLS,
                methods: METHODS,
            },
            eject: EjectAction {
                target: Route::VirtualMediaAction(id, slot, MediaAction::Eject),
                apply_time: OperationApplyTimeSupport,
            },
        },
    };
    Representation::of_resource(SCHEMA, &media)
}

/// Understands the parameters of `#VirtualMedia.InsertMedia`.
pub(super) fn insert(slot: Slot, body: &JsonObject) -> Result<Action, Refusal> {
    const ACTION: parameters::Action = parameters::Action("VirtualMedia.InsertMedia");
    const IMAGE: &str = "Image";
    let mut image = None;
    let (mut user_name, mut password) = ("", "");
    let mut write_protected = true;
    let mut problems = Vec::new();
    for (name, value) in parameters::members(body) {
        // Clients send what they leave open as null.
        if value.is_null() && name != IMAGE {
            continue;
        }
        let result = match name {
            IMAGE => image_url(ACTION, value).map(|url| image = Some(url)),
            "TransferProtocolType" => ACTION.choice(name, value, &PROTOCOLS, |protocol| protocol).map(drop),
            "TransferMethod" => ACTION.choice(name, value, &METHODS, |method| method).map(drop),
            "Inserted" => match ACTION.boolean(name, value) {
                Ok(true) => Ok(()),
                Ok(false) => Err(ACTION.not_supported(name)),
                Err(problem) => Err(problem),
            },
            // What is in a CD-ROM drive is protected, whatever is asked for.
            "WriteProtected" => ACTION.boolean(name, value).map(|value| write_protected = value || slot == Slot::Cd),
            "UserName" => credential(ACTION, name, value).and_then(|text| {
                // What stands before the first colon is the user name (RFC 7617 section 2).
                user_name = if text.contains(':') { Err(ACTION.format_error(name, HIDDEN))? } else { text };
                Ok(())
            }),
            "Password" => credential(ACTION, name, value).map(|text| password = text),
            "MediaType" => Err(ACTION.not_supported(name)),
            _ => Err(ACTION.unknown(name)),
        };
        problems.extend(result.err());
    }
    match image {
        Some(image) if problems.is_empty() => {
            let given = !user_name.is_empty() || !password.is_empty();
            let credentials =
                given.then(|| ImageCredentials { user_name: user_name.into(), password: ImagePassword::new(password) });
            Ok(Action::InsertMedia(InsertMedia { slot, image, write_protected, credentials }))
        }
        None if problems.is_empty() => {
            let missing = Message::new(&base::ACTION_PARAMETER_MISSING, [ACTION.0, IMAGE]);
            Err(Refusal::bad_request(vec![missing.about("#/Image")]))
        }
        Some(_) | None => Err(Refusal::bad_request(problems)),
    }
}

/// Understands the parameters of `#VirtualMedia.EjectMedia`, of which there are none.
pub(super) fn eject(slot: Slot, body: &JsonObject) -> Result<Action, Refusal> {
    const ACTION: parameters::Action = parameters::Action("VirtualMedia.EjectMedia");
    let problems: Vec<Message> = parameters::members(body).map(|(name, _)| ACTION.unknown(name)).collect();
    if problems.is_empty() { Ok(Action::EjectMedia(slot)) } else { Err(Refusal::bad_request(problems)) }
}

/// Reads an image URL: absolute, `http` or `https`, without a password in it, and kept to the letter.
fn image_url(action: parameters::Action, value: &Value) -> Result<Box<str>, Message> {
    let text = action.text("Image", value)?;
    if is_image_url(text) { Ok(text.into()) } else { Err(action.format_error("Image", text)) }
}

/// Whether a text is such a URL.
pub(super) fn is_image_url(text: &str) -> bool {
    if text.len() > MAX_IMAGE_URL || text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return false;
    }
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = |authority: &http::uri::Authority| !authority.as_str().contains('@') && !authority.host().is_empty();
    known && uri.authority().is_some_and(plain)
}

/// Reads a user name or a password. What is wrong with it is said without repeating it.
fn credential<'v>(action: parameters::Action, name: &str, value: &'v Value) -> Result<&'v str, Message> {
    let text = value.as_str().ok_or_else(|| action.type_error(name, &Value::from(HIDDEN)))?;
    let valid = text.len() <= MAX_CREDENTIAL && !text.bytes().any(|byte| byte.is_ascii_control());
    if valid { Ok(text) } else { Err(action.format_error(name, HIDDEN)) }
}

/// The last part of a URL's path; the host if it has none. Never empty: some clients take that for an empty drive.
fn image_name(image: &str) -> &str {
    let path = image.split(['?', '#']).next().unwrap_or(image).trim_end_matches('/');
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(image)
}

fn is_https(image: &str) -> bool {
    image.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

fn status(vm: &Vm, slot: Slot) -> Status {
    match vm.import(slot).map(|import| &import.state) {
        None | Some(ImportState::Succeeded) => Status::ENABLED,
        Some(ImportState::Pending | ImportState::Running { .. }) => Status { state: "Updating", health: "OK" },
        Some(ImportState::Failed { .. }) => Status { state: "Enabled", health: "Critical" },
    }
}

const HTTP: &str = "HTTP";
const HTTPS: &str = "HTTPS";
const UPLOAD: &str = "Upload";
const PROTOCOLS: [&str; 2] = [HTTP, HTTPS];

/// An image is copied into the cluster before it is used. `Stream` is accepted too, because clients send it as a
/// matter of course and see no difference.
const METHODS: [&str; 2] = ["Stream", UPLOAD];

/// What stands in messages for what must not be seen.
const HIDDEN: &str = "***";

/// Longer than any user name or password that is in use, tokens included.
const MAX_CREDENTIAL: usize = 4_096;

/// Signed URLs are long; this is longer than any server accepts.
const MAX_IMAGE_URL: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_always_has_a_name() {
        assert_eq!(image_name("https://images.example/a/boot.iso?key=x/y"), "boot.iso");
        assert_eq!(image_name("http://images.example/"), "images.example");
    }

    #[test]
    fn only_plain_urls_are_images() {
        let parse = |text: &str| image_url(parameters::Action("VirtualMedia.InsertMedia"), &Value::from(text));
        for text in ["http://a/b.iso", "https://[::1]:8080/x?api_key=a&arch=b", "HTTP://a.example:80"] {
            assert_eq!(parse(text).ok().as_deref(), Some(text));
        }
        for text in [
            "",
            "boot.iso",
            "/boot.iso",
            "ftp://a/b",
            "file:///etc/passwd",
            "http://",
            "http://u:p@a/b",
            "http://a b/",
            "http://a/\n",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
