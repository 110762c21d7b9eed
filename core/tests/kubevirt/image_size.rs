//! How large the volume of an image is: its server is asked first, and whatever it says or does not say, the import is made.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::kubevirt::{ImageProbe, Settings};
use kubevirt_redfish_core::model::{Action, ImageCredentials, ImagePassword, InsertMedia, Slot};
use kubevirt_redfish_fixtures::cluster::ServedImage;
use kubevirt_redfish_fixtures::sample::small_with_drive;
use serde_json::Value;

use crate::harness::{NAMESPACE, World, image_of};

const IMAGE: &str = "https://images.example/boot.iso?token=a%20b";
const GIBIBYTE: u64 = 1 << 30;

fn world() -> World {
    let mut world = World::new();
    world.create(small_with_drive(NAMESPACE, "vm", "Halted"));
    world
}

/// Inserts an image and says how large its volume is to be.
fn inserted(world: &mut World, image: &str) -> String {
    let media = InsertMedia { slot: Slot::Cd, image: image_of(image), write_protected: true, credentials: None };
    world.run("vm", Action::InsertMedia(media)).expect("inserted");
    size(world)
}

fn size(world: &World) -> String {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let name = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).expect("something is in");
    let import = world.object("datavolumes", name).expect("it is imported");
    import["spec"]["storage"]["resources"]["requests"]["storage"].as_str().expect("a size").to_owned()
}

fn phase(world: &World) -> Value {
    let volumes = world.machine("vm")["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let name = volumes.iter().find_map(|volume| volume["dataVolume"]["name"].as_str()).expect("something is in");
    world.object("datavolumes", name).expect("it is imported")["status"]["phase"].clone()
}

fn hosts_asked(world: &World) -> Vec<String> {
    world.sim.cluster.asked_for_images().iter().map(|request| request.uri().to_string()).collect()
}

#[test]
fn an_image_that_is_larger_than_the_configured_size_gets_a_volume_that_holds_it() {
    let mut world = world();
    world.sim.cluster.serve_image(IMAGE, ServedImage::Plain { bytes: 5 * GIBIBYTE });
    assert_eq!(inserted(&mut world, IMAGE), "5447Mi");
    assert_eq!(hosts_asked(&world), [IMAGE]);
    world.rest(Duration::from_secs(30));
    assert_eq!(phase(&world), "Succeeded");
    // It is in: nobody is asked once more.
    assert_eq!(inserted(&mut world, IMAGE), "5447Mi");
    assert_eq!(hosts_asked(&world).len(), 1);
}

#[test]
fn a_volume_of_just_the_images_size_would_not_hold_it() {
    for (bytes, size) in [(40 << 20, "104Mi"), (300 << 20, "364Mi"), (2 * GIBIBYTE, "2179Mi")] {
        let mut world = world();
        world.settings = Arc::new(Settings { storage_size: format!("{bytes}"), probe: None, ..Settings::default() });
        world.sim.cluster.serve_image(IMAGE, ServedImage::Plain { bytes });
        inserted(&mut world, IMAGE);
        world.rest(Duration::from_secs(30));
        assert_eq!(phase(&world), "ImportInProgress", "the simulated importer is as strict as the real one");
        world.run("vm", Action::EjectMedia(Slot::Cd)).expect("ejected");
        world.rest(Duration::from_secs(10));
        world.settings = Arc::new(Settings { storage_size: format!("{bytes}"), ..Settings::default() });
        assert_eq!(inserted(&mut world, IMAGE), size);
        world.rest(Duration::from_secs(30));
        assert_eq!(phase(&world), "Succeeded", "{bytes}");
    }
}

#[test]
fn a_server_that_does_not_say_is_no_error() {
    let large = 50 * GIBIBYTE;
    let served = [
        None,
        Some(ServedImage::Plain { bytes: GIBIBYTE }),
        Some(ServedImage::Packed { sent: large, bytes: GIBIBYTE }),
        Some(ServedImage::Unspoken { bytes: GIBIBYTE }),
        Some(ServedImage::Silence),
        Some(ServedImage::Redirect(IMAGE.to_owned())),
        Some(ServedImage::Redirect("http://169.254.169.254/latest".to_owned())),
        Some(ServedImage::Redirect("gopher://images.example/".to_owned())),
        // Whoever names the server would have as much storage as they like.
        Some(ServedImage::Plain { bytes: 200 * GIBIBYTE }),
        Some(ServedImage::Plain { bytes: u64::MAX }),
    ];
    for image in served {
        let mut world = world();
        world.sim.cluster.serve_image("http://169.254.169.254/latest", ServedImage::Plain { bytes: large });
        if let Some(image) = &image {
            world.sim.cluster.serve_image(IMAGE, image.clone());
        }
        let begun = world.sim.now;
        assert_eq!(inserted(&mut world, IMAGE), "3Gi", "{image:?}");
        assert!(world.sim.now <= begun + Duration::from_secs(3), "{image:?}");
        assert!(hosts_asked(&world).iter().all(|url| url == IMAGE), "nothing else is connected to");
        assert!(hosts_asked(&world).len() <= 5);
    }
}

#[test]
fn packed_images_are_not_asked_for() {
    for image in ["http://images.example/disk.img.xz", "http://images.example/a.GZ?x=1", "docker://registry.example/a"]
    {
        let mut world = world();
        world.sim.cluster.serve_image(image, ServedImage::Plain { bytes: 50 * GIBIBYTE });
        assert_eq!(inserted(&mut world, image), "3Gi");
        assert_eq!(hosts_asked(&world), Vec::<String>::new());
    }
}

#[test]
fn a_redirect_is_followed_without_the_password() {
    let mut world = world();
    let [same, other] = ["https://images.example/v2/boot.iso", "http://mirror.example/boot.iso"];
    world.sim.cluster.serve_image(IMAGE, ServedImage::Redirect("/v2/boot.iso".to_owned()));
    world.sim.cluster.serve_image(same, ServedImage::Redirect(other.to_owned()));
    world.sim.cluster.serve_image(other, ServedImage::Plain { bytes: 4 * GIBIBYTE });
    let credentials = ImageCredentials { user_name: "alice".into(), password: ImagePassword::new("pa:ss") };
    let media =
        InsertMedia { slot: Slot::Cd, image: image_of(IMAGE), write_protected: true, credentials: Some(credentials) };
    world.run("vm", Action::InsertMedia(media)).expect("inserted");
    assert_eq!(size(&world), "4358Mi");
    let asked = world.sim.cluster.asked_for_images();
    let told: Vec<_> = asked
        .iter()
        .map(|request| {
            (request.uri().to_string(), request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes))
        })
        .collect();
    let password = Some(&b"Basic YWxpY2U6cGE6c3M="[..]);
    assert_eq!(told, [(IMAGE.to_owned(), password), (same.to_owned(), password), (other.to_owned(), None)]);
    assert!(!format!("{asked:?}").contains("YWxpY2U6"), "it does not print");
}

#[test]
fn which_addresses_are_asked_is_configured() {
    let image = "http://127.0.0.1:8080/boot.iso";
    for (probe, size) in [
        (Some(ImageProbe::default()), "3Gi"),
        (
            Some(ImageProbe {
                policy: AddressPolicy { loopback: true, ..AddressPolicy::default() },
                ..ImageProbe::default()
            }),
            "4358Mi",
        ),
        (None, "3Gi"),
    ] {
        let mut world = world();
        // The importer may have it from there: that is another host.
        let image_hosts = AddressPolicy { loopback: true, ..AddressPolicy::of_images() };
        world.settings = Arc::new(Settings { probe, image_hosts, ..Settings::default() });
        world.sim.cluster.serve_image(image, ServedImage::Plain { bytes: 4 * GIBIBYTE });
        assert_eq!(inserted(&mut world, image), size);
    }
}
