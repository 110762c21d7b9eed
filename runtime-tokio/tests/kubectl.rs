//! F14: the real `kubectl` on the simulated cluster. Where there is none, the test says so and does nothing.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::{Service, file};

const MACHINE: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: mine
  labels: {app: mine, tier: test}
spec:
  runStrategy: Manual
  template:
    metadata:
      creationTimestamp: null
    spec:
      domain:
        devices:
          disks:
          - {name: root, disk: {bus: virtio}}
      volumes:
      - {name: root, containerDisk: {image: quay.io/containerdisks/fedora:40}}
";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: secret}
";

/// `kubectl` on a cluster.
struct Kubectl {
    server: String,
    home: PathBuf,
    _service: Service,
}

impl Kubectl {
    /// Nothing where there is no `kubectl`.
    fn start(name: &str) -> Option<Self> {
        if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
            eprintln!("LEFT OUT: there is no kubectl");
            return None;
        }
        let mut service = Service::simulate(&["--tls", "off", "--cluster-listen", "127.0.0.1:0"]);
        let line = service.stdout_line("kubectl --server");
        let server = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        let home = file(&format!("{name}.home"), "").with_extension("d");
        std::fs::create_dir_all(&home).unwrap();
        Some(Self { server, home, _service: service })
    }

    /// Runs it; its exit status and all it says.
    fn run(&self, args: &[&str], input: &str) -> (i32, String) {
        let mut child = Command::new("kubectl")
            .args(["--server", &self.server, "--namespace", "lab"])
            .args(args)
            .env("HOME", &self.home)
            .env("KUBECONFIG", self.home.join("none"))
            .env("KUBE_EDITOR", "sed -i s/Manual/Halted/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// Runs it; it has to succeed and to say this.
    #[track_caller]
    fn says(&self, args: &[&str], input: &str, expected: &str) {
        let (status, said) = self.run(args, input);
        assert!(status == 0 && said.contains(expected), "kubectl {args:?}: {status}: {said}");
    }

    /// Runs it; it has to fail and to say this.
    #[track_caller]
    fn refuses(&self, args: &[&str], input: &str, expected: &str) {
        let (status, said) = self.run(args, input);
        assert!(status != 0 && said.contains(expected), "kubectl {args:?}: {status}: {said}");
    }
}

const FILE: [&str; 2] = ["-f", "-"];

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &FILE].concat()
}

#[test]
fn manifests_are_applied_compared_and_deleted() {
    let Some(kubectl) = Kubectl::start("apply") else { return };
    kubectl.says(&with(&["apply"]), MACHINE, "virtualmachine.kubevirt.io/mine created");
    kubectl.says(&with(&["apply"]), MACHINE, "unchanged");
    let halted = MACHINE.replace("Manual", "Halted");
    let (status, said) = kubectl.run(&with(&["diff"]), &halted);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("-  runStrategy: Manual") && said.contains("+  runStrategy: Halted"), "{said}");
    kubectl.says(&with(&["apply"]), &halted, "configured");
    kubectl.says(&["get", "vm", "mine", "-o", "jsonpath={.spec.runStrategy}"], "", "Halted");
    // What a manifest no longer has goes.
    kubectl.says(&with(&["apply"]), &halted.replace(", tier: test", ""), "configured");
    kubectl.says(&["get", "vm", "mine", "-o", "jsonpath={.metadata.labels}"], "", r#"{"app":"mine"}"#);
    kubectl.refuses(&with(&["apply"]), &MACHINE.replace("runStrategy", "bogus"), "unknown field \"spec.bogus\"");
    kubectl.refuses(&with(&["apply", "--validate=warn"]), &MACHINE.replace("Manual", "Bogus"), "Invalid RunStrategy");
    kubectl.says(&with(&["apply"]), SECRET, "secret/login created");
    kubectl.says(&with(&["apply"]), &SECRET.replace("password: secret", "other: value"), "secret/login configured");
    kubectl.says(&with(&["delete"]), MACHINE, "deleted");
    kubectl.refuses(&["get", "vm", "mine"], "", "NotFound");
}

#[test]
fn manifests_are_applied_by_the_server() {
    let Some(kubectl) = Kubectl::start("server-side") else { return };
    let apply = with(&["apply", "--server-side"]);
    kubectl.says(&apply, MACHINE, "serverside-applied");
    kubectl.says(&apply, &MACHINE.replace(", tier: test", ""), "serverside-applied");
    kubectl.says(&["get", "vm", "mine", "-o", "jsonpath={.metadata.labels}"], "", r#"{"app":"mine"}"#);
    kubectl.says(&["patch", "vm", "mine", "--type=merge", "-p", r#"{"spec":{"runStrategy":"Halted"}}"#], "", "patched");
    kubectl.refuses(&apply, MACHINE, "conflict with \"kubectl-patch\" using kubevirt.io/v1: .spec.runStrategy");
    kubectl.says(&with(&["apply", "--server-side", "--force-conflicts"]), MACHINE, "serverside-applied");
    kubectl.says(&apply, SECRET, "secret/login serverside-applied");
}

#[test]
fn single_objects_are_made_changed_and_watched() {
    let Some(kubectl) = Kubectl::start("single") else { return };
    kubectl.says(&with(&["create"]), MACHINE, "created");
    kubectl.refuses(&with(&["create"]), MACHINE, "AlreadyExists");
    kubectl.says(&["label", "vm", "mine", "a=b"], "", "labeled");
    kubectl.refuses(&["label", "vm", "mine", "a=c"], "", "already has a value");
    kubectl.says(&["annotate", "vm", "mine", "note=text"], "", "annotated");
    kubectl.says(
        &["patch", "vm", "mine", "--type=json", "-p", r#"[{"op":"test","path":"/spec/runStrategy","value":"Manual"}]"#],
        "",
        "patched",
    );
    kubectl.refuses(
        &["patch", "vm", "mine", "-p", "{}"],
        "",
        "strategic-merge-patch+json is not supported by kubevirt.io/v1",
    );
    kubectl.says(&["edit", "vm", "mine"], "", "edited");
    kubectl.says(
        &["wait", "vm", "mine", "--for=jsonpath={.status.printableStatus}=Stopped", "--timeout=20s"],
        "",
        "condition met",
    );
    kubectl.says(&["wait", "vm", "mine", "--for=condition=Ready=false", "--timeout=20s"], "", "condition met");
    kubectl.says(&["get", "vm", "-l", "a in (b,c)"], "", "mine");
    kubectl.refuses(&["get", "vm", "-l", "a in ("], "", "unable to parse requirement");
    kubectl.says(&["describe", "vm", "mine"], "", "Name:         mine");
    kubectl.says(&["create", "secret", "generic", "made", "--from-literal=a=b"], "", "created");
    kubectl.says(&["create", "configmap", "made", "--from-literal=a=b"], "", "created");
    kubectl.says(&["create", "namespace", "made"], "", "created");
    kubectl.says(&["get", "all"], "", "virtualmachine.kubevirt.io/mine");
    kubectl.says(&["get", "events"], "", "");
    kubectl.says(&["delete", "vm", "mine", "--wait=true", "--timeout=20s"], "", "deleted");
    kubectl.says(&["wait", "vm", "mine", "--for=delete", "--timeout=20s"], "", "");
}

#[test]
fn what_there_is_is_explained() {
    let Some(kubectl) = Kubectl::start("explain") else { return };
    kubectl.says(&["explain", "vm"], "", "A virtual machine, whether it runs or not");
    kubectl.says(&["explain", "vm.spec.runStrategy"], "", "Always, Halted, Manual");
    kubectl.says(&["explain", "vm.spec.template.spec.domain.devices.disks", "--recursive"], "", "bootOrder");
    kubectl.says(&["explain", "dv.spec.source.http"], "", "secretRef");
    kubectl.says(&["explain", "lease.spec"], "", "holderIdentity");
    kubectl.refuses(&["explain", "vm.spec.bogus"], "", "field \"bogus\" does not exist");
    kubectl.says(&["api-resources", "--api-group=kubevirt.io"], "", "virtualmachineinstancemigrations");
    kubectl.says(&["api-versions"], "", "cdi.kubevirt.io/v1alpha1");
    kubectl.says(&["auth", "can-i", "patch", "vm"], "", "yes");
    kubectl.says(&["auth", "whoami"], "", "system:serviceaccount:kubevirt-redfish");
    kubectl.says(&["version"], "", "v1.36.2");
}
