//! `/redfish/v1/Systems/{system}/VirtualMedia/{slot}`: a virtual drive. Schema `VirtualMedia`, version 1.6.5.

use serde::Serialize;
use serde_json::Value;

use super::operation_apply_time::OperationApplyTimeSupport;
use super::{Context, Link, Status, parameters};
use crate::auth::{Extent, Identity, Privilege};
use crate::config::VerifiedImageServers;
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base, cluster};
use crate::model::{
    Action, AddressPolicy, Image, ImageCredentials, ImagePassword, ImageSource, ImportState, InsertMedia, NoImage,
    Slot, TrustChange, VmId,
};
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
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: &'static [&'static str],
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
    verify_certificate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Link<'a>>,
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
    protocols: [&'static str; 3],
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
        writeable: if is_chosen(context) { &[VERIFY] } else { &[] },
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
        connected_via: match medium {
            None => "NotConnected",
            // Nobody asked for it by a URI.
            Some(medium) if medium.of_others => "Oem",
            Some(_) => "URI",
        },
        write_protected: medium.is_none_or(|medium| medium.write_protected),
        transfer_protocol_type: image.and_then(|image| Image::parse(image, &vm.machine.id).ok()).as_ref().map(protocol),
        transfer_method: UPLOAD,
        // What was given is the importer's alone.
        user_name: None,
        password: None,
        verify_certificate: verifies(context, vm, slot),
        certificates: may_manage(context, vm).then(|| Link::to(Route::MediaCertificates(id, slot))),
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
    Representation::of_settings(SCHEMA, &media, &media.verify_certificate, None::<&()>)
}

/// Whether certificates may be read, by the standard's privilege map: nobody is led to what they may not see.
pub(super) fn may_manage(context: &Context<'_>, vm: &Vm) -> bool {
    let has = |identity: &Identity| identity.privileges(Extent::In(&vm.chassis)).has(Privilege::ConfigureManager);
    context.identity.is_some_and(has)
}

/// Whether servers of this slot's images have to prove who they are.
fn verifies(context: &Context<'_>, vm: &Vm, slot: Slot) -> bool {
    let chosen = vm.trust(slot).and_then(|trust| trust.verify);
    !is_chosen(context) || chosen.unwrap_or(false)
}

/// Whether clients choose that.
fn is_chosen(context: &Context<'_>) -> bool {
    context.view.config.verified_image_servers != VerifiedImageServers::All
}

/// Understands a PATCH: what counts from the next image on.
pub(super) fn patch(context: &Context<'_>, slot: Slot, body: &JsonObject) -> Result<Action, Refusal> {
    let mut patch = parameters::Patch::new(READ_ONLY);
    let mut verify = None;
    for (name, value) in parameters::members(body) {
        match name {
            VERIFY => verify = patch.boolean(name, value),
            _ => patch.not_writable(name),
        }
    }
    if verify == Some(false) && !is_chosen(context) {
        // There is nothing to choose: every server has to.
        let message = Message::new(&base::PROPERTY_NOT_WRITABLE, [VERIFY]);
        patch.problem(message.about(format!("#/{VERIFY}")));
    }
    patch.finish()?;
    match verify {
        Some(verify) => Ok(Action::SetImageTrust { slot, change: TrustChange::Verify(verify) }),
        None => Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])])),
    }
}

/// Understands the parameters of `#VirtualMedia.InsertMedia`.
pub(super) fn insert(vm: &VmId, slot: Slot, policy: &AddressPolicy, body: &JsonObject) -> Result<Action, Refusal> {
    const ACTION: parameters::Action = parameters::Action("VirtualMedia.InsertMedia");
    const IMAGE: &str = "Image";
    let mut image = None;
    let mut stated = None;
    let (mut user_name, mut password) = ("", "");
    let mut write_protected = true;
    let mut problems = Vec::new();
    for (name, value) in parameters::of_action(body) {
        // Clients send what they leave open as null.
        if value.is_null() && name != IMAGE {
            continue;
        }
        let result = match name {
            IMAGE => parse_image(ACTION, vm, policy, value).map(|found| image = Some(found)),
            PROTOCOL => ACTION.choice(name, value, &PROTOCOLS, |protocol| protocol).map(|name| stated = Some(name)),
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
    let given = !user_name.is_empty() || !password.is_empty();
    if let Some(image) = &image {
        if let Some(stated) = stated.filter(|stated| *stated != protocol(image)) {
            let message = Message::new(&base::ACTION_PARAMETER_VALUE_CONFLICT, [PROTOCOL, stated]);
            problems.push(message.about(format!("#/{PROTOCOL}")));
        }
        if given && !image.is_fetched() {
            // Nobody logs in anywhere for it.
            problems.push(ACTION.not_supported(if user_name.is_empty() { "Password" } else { "UserName" }));
        }
    }
    match image {
        Some(image) if problems.is_empty() => {
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
    ACTION.takes_nothing(body).map(|()| Action::EjectMedia(slot))
}

/// Reads the name of an image, which is kept to the letter.
fn parse_image(action: parameters::Action, vm: &VmId, policy: &AddressPolicy, value: &Value) -> Result<Image, Message> {
    let text = action.text("Image", value)?;
    let image = Image::parse(text, vm).map_err(|problem| match problem {
        NoImage::Malformed => action.format_error("Image", text),
        NoImage::UnknownScheme => {
            let schemes = Image::SCHEMES.join(", ");
            Message::new(&cluster::IMAGE_SCHEME_NOT_SUPPORTED, [text, &schemes]).about("#/Image")
        }
        NoImage::ElsewhereThanTheMachine => Message::new(&base::RESOURCE_MISSING_AT_URI, [text]).about("#/Image"),
    })?;
    image.judge(policy).map_err(|(host, why)| parameters::host_refused(host, why).about("#/Image"))?;
    Ok(image)
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

/// What the schema calls the way that an image takes. It has no word for registries, nor for what need not be fetched.
fn protocol(image: &Image) -> &'static str {
    match image.source() {
        ImageSource::Server(url) if url.is_secure() => "HTTPS",
        ImageSource::Server(_) => "HTTP",
        ImageSource::Registry(_) | ImageSource::Claim(_) | ImageSource::Volume(_) => "OEM",
    }
}

fn status(vm: &Vm, slot: Slot) -> Status {
    match vm.import(slot).map(|import| &import.state) {
        None | Some(ImportState::Succeeded) => Status::ENABLED,
        Some(ImportState::Pending | ImportState::Running { .. }) => Status { state: "Updating", health: "OK" },
        Some(ImportState::Failed { .. }) => Status { state: "Enabled", health: "Critical" },
    }
}

const VERIFY: &str = "VerifyCertificate";
const UPLOAD: &str = "Upload";
const PROTOCOL: &str = "TransferProtocolType";
const PROTOCOLS: [&str; 3] = ["HTTP", "HTTPS", "OEM"];

/// An image is copied into the cluster before it is used. `Stream` is accepted too, because clients send it as a
/// matter of course and see no difference.
const METHODS: [&str; 2] = ["Stream", UPLOAD];

/// Properties that a client may have read and cannot change; what is in a drive is changed by its actions.
const READ_ONLY: &[&str] = &[
    "Actions",
    "Certificates",
    "ConnectedVia",
    "Id",
    "Image",
    "ImageName",
    "Inserted",
    "MediaTypes",
    "Name",
    "Password",
    "Status",
    "TransferMethod",
    "TransferProtocolType",
    "UserName",
    "WriteProtected",
];

/// What stands in messages for what must not be seen.
const HIDDEN: &str = "***";

/// Longer than any user name or password that is in use, tokens included.
const MAX_CREDENTIAL: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_always_has_a_name() {
        assert_eq!(image_name("https://images.example/a/boot.iso?key=x/y"), "boot.iso");
        assert_eq!(image_name("http://images.example/"), "images.example");
    }
}
