"""Checks the Helm chart and the manifests; see .ci/chart."""

import copy
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml
from helm_python import _native

PROGRAM = sys.argv[1]
CHART = "deploy/helm/kubevirt-redfish"
MANIFESTS = pathlib.Path("deploy/manifests")
ROUTE = "route.openshift.io/v1"
USERS = {"authentication": {"users": [{"username": "admin", "password": "secret-1", "chassis": ["default"]}]}}
OURS = "kubevirt-redfish"

TEXT, LABELS = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}


def strict(required, **properties):
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


# What the chart and the manifests use of route.openshift.io/v1.
ROUTE_SCHEMA = strict(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": ROUTE},
    kind={"const": "Route"},
    metadata=strict(["name", "namespace"], name=TEXT, namespace=TEXT, labels=LABELS, annotations=LABELS),
    spec=strict(
        ["to"],
        host={"type": "string", "maxLength": 253},
        path={"type": "string", "pattern": "^/"},
        port=strict(["targetPort"], targetPort={"type": ["integer", "string"]}),
        to=strict(["kind", "name"], kind={"enum": ["Service", ""]}, name={"type": "string", "minLength": 1},
                  weight={"type": "integer", "minimum": 0, "maximum": 256}),
        wildcardPolicy={"enum": ["None", "Subdomain", ""]},
        tls=strict(
            ["termination"],
            termination={"enum": ["edge", "reencrypt", "passthrough"]},
            insecureEdgeTerminationPolicy={"enum": ["Allow", "None", "Redirect", ""]},
            certificate=TEXT, key=TEXT, caCertificate=TEXT, destinationCACertificate=TEXT,
        ),
    ),
)

# The objects whose schemas are not Kubernetes' own.
ELSEWHERE = {"Certificate", "HTTPRoute", "TLSRoute"}
OPERATOR = "monitoring.coreos.com/v1"

# What the chart uses of monitoring.coreos.com/v1.
METADATA = strict(["name", "namespace", "labels"], name=TEXT, namespace=TEXT, labels=LABELS)
MONITORING = {
    "ServiceMonitor": strict(
        ["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": OPERATOR}, kind=TEXT, metadata=METADATA,
        spec=strict(["selector", "endpoints"], selector=strict(["matchLabels"], matchLabels=LABELS), endpoints={
            "type": "array", "minItems": 1, "items": strict(["port"], port=TEXT, path=TEXT, interval=TEXT)}),
    ),
    "PrometheusRule": strict(
        ["apiVersion", "kind", "metadata", "spec"], apiVersion={"const": OPERATOR}, kind=TEXT, metadata=METADATA,
        spec=strict(["groups"], groups={"type": "array", "minItems": 1, "items": strict(
            ["name", "rules"], name=TEXT, rules={"type": "array", "minItems": 1, "items": {
                **strict(["alert", "expr"], alert=TEXT, expr=TEXT, labels=LABELS, annotations=LABELS),
                "properties": {"alert": TEXT, "expr": TEXT, "for": TEXT, "labels": LABELS, "annotations": LABELS},
            }})}),
    ),
}


def render(values, apis=(), kube="v1.33.0"):
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        options = {"api_versions": list(apis), "kube_version": kube, "namespace": OURS, "name": OURS}
        answer = _native.call_string("helm_render", chart._raw(), json.dumps(values), json.dumps(options))
    answer = json.loads(answer) if isinstance(answer, str) else answer
    texts = [text for name, text in answer.items() if not name.endswith("NOTES.txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def validate(documents, kube):
    for document in documents:
        if document["kind"] == "Route":
            jsonschema.validate(document, ROUTE_SCHEMA)
        elif document["kind"] in MONITORING:
            jsonschema.validate(document, MONITORING[document["kind"]])
        elif document["kind"] not in ELSEWHERE:
            kubernetes_validate.validate(document, kube, strict=True)


def merged(*parts):
    result = {}
    for part in parts:
        for key, value in copy.deepcopy(part).items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def kinds(documents):
    return {document["kind"] for document in documents}


def one(documents, kind, name=None):
    found = [document for document in documents
             if document["kind"] == kind and name in (None, document["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} {kind} {name}"
    return found[0]


def rights(documents):
    """What somebody may do, as single rights, by the namespace in which they may."""
    found = set()
    for document in documents:
        if document["kind"] in ("Role", "ClusterRole") and document["metadata"]["name"].startswith(OURS):
            for rule in document["rules"]:
                for group, resource, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]):
                    found.add((document["metadata"].get("namespace"), group, resource, verb))
    return found


def run(*args):
    return subprocess.run([PROGRAM, *args], check=True, capture_output=True, text=True).stdout


def config_of(documents):
    return one(documents, "Secret")["stringData"]["config.yaml"]


def agrees(documents, *options):
    """The program takes the configuration, and needs the rights that are given."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        # Certificates are not on this machine.
        config = yaml.safe_load(config_of(documents))
        config["server"]["tls"] = {"enabled": False}
        file.write(yaml.safe_dump(config))
        file.flush()
        run("check", "--config", file.name)
        printed = list(yaml.safe_load_all(run("rbac", "--config", file.name, "--namespace", OURS, *options)))
    validate(printed, "1.33")
    assert rights(documents) == rights(printed), rights(documents) ^ rights(printed)


SEED = {
    "route": {"enabled": True, "host": "kubevirt-redfish-namespace-0.clustername.apps.example.com",
              "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}},
    "chassis": [{"name": f"chassis-{n}", "namespace": f"namespace-{n}", "service_account": "kubevirt-redfish",
                 "description": "My KVM cluster with test VMs"} for n in (0, 1)],
    "authentication": {"users": [{"username": user, "password": "changeme", "chassis": [f"chassis-{n}"]}
                                 for n, user in enumerate(("admin", "user"))]},
    "datavolume": {"storage_size": "3Gi", "allow_insecure_tls": True, "storage_class": "lvms-vg1",
                   "vm_update_timeout": "2m", "iso_download_timeout": "30m"},
}
# The other sections of the earlier chart, as its own values have them.
EARLIER = merged(SEED, {
    "global": {"namespace": OURS, "image": {"repository": "quay.io/x/kubevirt-redfish", "tag": "v0.2.1", "pullPolicy": "Always"}},
    "image": {"tag": "v0.2.1"},
    "deployment": {"replicas": 1, "labels": {}, "container": {
        "name": OURS,
        "resources": {"requests": {"memory": "512Mi", "cpu": "100m"}, "limits": {"memory": "2Gi", "cpu": "500m"}},
        "env": {"CONFIG_PATH": "/app/config/config.yaml", "LOG_LEVEL": "info", "REDFISH_LOG_LEVEL": "INFO",
                "REDFISH_LOGGING_ENABLED": "true"},
        "ports": [{"name": "http", "containerPort": 8443, "protocol": "TCP"}],
        "livenessProbe": {"httpGet": {"path": "/redfish/v1/", "port": 8443, "scheme": "HTTP"}, "periodSeconds": 10},
        "readinessProbe": {"httpGet": {"path": "/redfish/v1/", "port": 8443, "scheme": "HTTP"}, "periodSeconds": 5},
        "volumeMounts": [{"name": "config-volume", "mountPath": "/app/config", "readOnly": True}],
    }},
    "service": {"enabled": True, "type": "LoadBalancer", "labels": {}, "annotations": {},
                "ports": [{"name": "http", "port": 8443, "targetPort": 8443, "protocol": "TCP"}]},
    "rbac": {"enabled": True, "serviceAccount": {"create": True, "name": OURS, "labels": {}, "annotations": {}},
             "clusterRole": {"create": True, "name": "kubevirt-redfish-role", "labels": {}},
             "clusterRoleBinding": {"create": True, "name": "kubevirt-redfish-binding", "labels": {}}},
    "server": {"host": "0.0.0.0", "port": 8443, "system_id_convention": "legacy", "tls": {"enabled": False}},
    "kubevirt": {"api_version": "v1", "timeout": 30, "allow_insecure_tls": True},
    "volumes": {"temp": {"name": "temp-storage", "emptyDir": {"sizeLimit": "50Gi"}}},
    "configMap": {"enabled": True, "name": "kubevirt-redfish-config", "labels": {}, "annotations": {}},
    "securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False},
    "podSecurityContext": {"runAsNonRoot": True}, "nodeSelector": {}, "tolerations": [], "affinity": {},
})

GATEWAY = {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["redfish.example.com"]}
VALUES = {
    "usual": {},
    "seed": SEED,
    "earlier": EARLIER,
    "hash": {"authentication": {"users": [{"username": "a", "password": {"hash": "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie"}, "chassis": ["default"]}]}},
    "cluster": {"scope": "cluster", "authentication": {"kubernetes": True}, "rbac": {"tokenUsers": {"create": True, "aggregate": True}}},
    "one": {"deployment": {"replicas": 1}, "rbac": {"clusterRole": {"name": "kubevirt-redfish-other"}}},
    "class": {"datavolume": {"storage_class": "fast", "cert_config_map": "registry-ca"}},
    "not shared": {"datavolume": {"share_imports": False}},
    "others' Secret": {"server": {"tls": {"existingSecret": "tls"}}, "route": {"tls": {"termination": "passthrough"}}},
    "cert-manager": {"server": {"tls": {"certManager": {"enabled": True, "issuerRef": {"name": "ca"}, "dnsNames": ["a.example"]}}}, "route": {"enabled": False}},
    "service-ca": {"server": {"tls": {"serviceCa": {"enabled": True}}}, "route": {"tls": {"termination": "reencrypt"}}},
    "ingress": {"ingress": {"enabled": True, "className": "nginx", "host": "redfish.example.com", "tlsSecret": "tls"}},
    "HTTPRoute": {"gateway": GATEWAY},
    "TLSRoute": {"gateway": {**GATEWAY, "kind": "TLSRoute"}, "server": {"tls": {"existingSecret": "tls"}}, "route": {"enabled": False}},
    "autoscaling": {"autoscaling": {"enabled": True}},
    "no metrics": {"metrics": {"enabled": False}},
    "metrics": {"metrics": {"port": 9100, "serviceMonitor": {"labels": {"release": "p"}, "interval": "1m"}},
                "server": {"host": "::"}, "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}]}},
    "network": {"networkPolicy": {"from": [{"namespaceSelector": {}}], "egress": {"enabled": True}}},
    "pods": {"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "high",
             "imagePullSecrets": [{"name": "pull"}], "deployment": {"podAnnotations": {"a": "b"}, "container": {
                 "extraArgs": ["--kubeconfig=/x"], "env": {"KUBEVIRT_REDFISH_KUBEVIRT_TIMEOUT": 45}}}},
}

# What is refused, with what the message says.
REFUSED = {
    "chasis": {"chasis": []},
    "replica": {"deployment": {"replica": 2}},
    "terminaton": {"route": {"tls": {"terminaton": "edge"}}},
    "password": {"authentication": {"users": [{"username": "a", "chassis": ["default"]}]}},
    "storage_size": {"datavolume": {"storage_size": "3 GB"}},
    "scope": {"scope": "everything"},
    "termination is edge": {"server": {"tls": {"existingSecret": "tls"}}, "route": {"enabled": True}},
    "there is no certificate": {"server": {"tls": {"enabled": True}}, "route": {"enabled": False}},
    "metrics.port is": {"metrics": {"port": 8443}},
    "intervall": {"metrics": {"serviceMonitor": {"intervall": "30s"}}},
    "targetPort is": {"server": {"port": 9000}},
    "issuerRef": {"server": {"tls": {"certManager": {"enabled": True}}}, "route": {"enabled": False}},
    "parentRefs": {"gateway": {"enabled": True}},
}


def chart():
    findings = helm.chart.lint(CHART, strict=True, kube_version="v1.35.0")
    findings = [finding for finding in findings["messages"] if finding["severity"] > 1] + findings["errors"]
    assert not findings, findings
    count = 0
    for (name, values), minor, apis in itertools.product(VALUES.items(), (27, 30, 33, 35), ((), (ROUTE, OPERATOR))):
        try:
            documents = render(merged(USERS, values), apis, f"v1.{minor}.0")
            validate(documents, f"1.{minor}")
        except Exception as error:
            raise AssertionError(f"{name}, 1.{minor}, {apis}") from error
        if minor == 33 and apis:
            agree = [document for document in documents if document["metadata"]["name"] not in
                     {f"{OURS}-{role}" for role in ("view", "operate", "media")}]
            agrees(agree, *(["--all-namespaces"] if values.get("scope") == "cluster" else []))
        count += len(documents)
    for said, values in REFUSED.items():
        try:
            render(merged(USERS, values))
        except Exception as error:
            assert said in str(error), f"{said}: {error}"
        else:
            raise AssertionError(f"{said} is not refused")
    usual = render(USERS)
    assert "Route" not in kinds(usual) and "Route" in kinds(render(USERS, [ROUTE]))
    assert {"PodDisruptionBudget", "NetworkPolicy"} <= kinds(usual)
    # Metrics are on, and reached by a Service of their own.
    measured = render(USERS, [OPERATOR])
    assert "ServiceMonitor" not in kinds(usual) and {"ServiceMonitor", "PrometheusRule"} <= kinds(measured)
    rules = yaml.safe_load(pathlib.Path("deploy/observability/alerts.yaml").read_text())
    assert one(measured, "PrometheusRule")["spec"] == rules
    port = one(measured, "Service", f"{OURS}-metrics")["spec"]["ports"][0]
    container = one(measured, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    address = {"name": "KUBEVIRT_REDFISH_SERVER_METRICS_LISTEN", "value": f"0.0.0.0:{port['port']}"}
    assert address in container["env"] and container["ports"][1] == {
        "name": "metrics", "containerPort": port["targetPort"], "protocol": "TCP"}
    selected = one(measured, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    services = [document for document in measured if document["kind"] == "Service"]
    assert [s["metadata"]["name"] for s in services if selected <= s["metadata"]["labels"].items()] == [f"{OURS}-metrics"]
    off = render(merged(USERS, {"metrics": {"enabled": False}}), [OPERATOR])
    assert "metrics" not in json.dumps(off).lower()
    # What deployments of the earlier chart rely on.
    earlier = render(EARLIER, [ROUTE])
    pod = one(earlier, "Deployment", OURS)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert (container["ports"][0]["name"], container["ports"][0]["containerPort"]) == ("http", 8443)
    assert container["livenessProbe"]["httpGet"]["path"] == "/redfish/v1/"
    assert container["image"] == "quay.io/x/kubevirt-redfish:v0.2.1"
    assert {"name": "config-volume", "mountPath": "/app/config", "readOnly": True} in container["volumeMounts"]
    assert one(earlier, "Service", OURS)["spec"]["ports"][0] == EARLIER["service"]["ports"][0]
    route = one(earlier, "Route", OURS)["spec"]
    assert (route["host"], route["tls"]) == (SEED["route"]["host"], SEED["route"]["tls"])
    assert yaml.safe_load(config_of(earlier))["datavolume"] == SEED["datavolume"]
    print(f"{len(VALUES)} sets of values, {count} objects; {len(REFUSED)} mistakes are refused")


def manifests():
    if not shutil.which("kubectl"):
        print("kubectl is not at hand: the overlays are NOT built")
        return
    for overlay in sorted(path.name for path in (MANIFESTS / "overlays").iterdir()):
        built = subprocess.run(["kubectl", "kustomize", MANIFESTS / "overlays" / overlay], check=True, capture_output=True)
        documents = list(yaml.safe_load_all(built.stdout))
        for minor in (27, 30, 33, 35):
            validate(documents, f"1.{minor}")
        print(f"{overlay}: {len(documents)} objects")


chart()
manifests()
