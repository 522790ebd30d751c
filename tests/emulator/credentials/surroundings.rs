//! Set-ups of regions, partitions, endpoints, certificates, proxies and retries.

use super::set_up::{Expected, SetUp, set_up};

const KEYS: &str = "aws_access_key_id = AKIAFILE\naws_secret_access_key = x\n";

/// Why an empty region is refused.
pub(super) const EMPTY_REGION: &str =
    "botocore can use an empty region only with an endpoint that has none, which is not one of AWS";

pub(super) fn set_ups() -> Vec<SetUp> {
    let mut all = regions();
    all.extend(partitions());
    all.extend(endpoints());
    all.extend(certificates());
    all.extend(proxies());
    all.extend(retries());
    all
}

fn regions() -> Vec<SetUp> {
    let named = |name: &'static str| set_up(name).keys().without("AWS_DEFAULT_REGION");
    vec![
        named("no region").fails("no AWS region is configured"),
        named("region by AWS_DEFAULT_REGION").variable("AWS_DEFAULT_REGION", "us-west-2"),
        named("region by AWS_REGION")
            .variable("AWS_REGION", "us-west-2")
            .differs(
                Expected::Calls("DescribeStacks AKIAENV/ us-west-2"),
                "the AWS CLI and the other SDKs read it; botocore does not",
            ),
        named("both variables of the region")
            .variable("AWS_REGION", "us-west-2")
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
            .differs(
                Expected::Calls("DescribeStacks AKIAENV/ us-west-2"),
                "AWS_REGION comes first in the AWS CLI",
            ),
        named("region by the option")
            .variable("AWS_DEFAULT_REGION", "us-west-2")
            .region("eu-north-1"),
        named("region of the default profile").config("[default]\nregion = us-west-2\n"),
        named("region of the chosen profile")
            .profile("p")
            .config(&format!(
                "[default]\nregion = us-west-2\n[profile p]\nregion = eu-north-1\n{KEYS}"
            )),
        named("variable before the region of the chosen profile")
            .profile("p")
            .variable("AWS_DEFAULT_REGION", "us-west-2")
            .config(&format!("[profile p]\nregion = eu-north-1\n{KEYS}")),
        named("chosen profile without a region")
            .profile("p")
            .config(&format!(
                "[default]\nregion = us-west-2\n[profile p]\n{KEYS}"
            )),
        named("empty AWS_DEFAULT_REGION")
            .variable("AWS_DEFAULT_REGION", "")
            .config("[default]\nregion = us-west-2\n")
            .differs(Expected::Fails("AWS_DEFAULT_REGION"), EMPTY_REGION),
        named("space before the region")
            .fails("AWS_DEFAULT_REGION: ` us-west-2`")
            .variable("AWS_DEFAULT_REGION", " us-west-2"),
        named("space behind the region")
            .fails("AWS_DEFAULT_REGION: `us-west-2 `")
            .variable("AWS_DEFAULT_REGION", "us-west-2 "),
        named("line break behind the region")
            .fails("AWS_DEFAULT_REGION: `us-west-2\\n`")
            .variable("AWS_DEFAULT_REGION", "us-west-2\n"),
        named("region with a slash").variable("AWS_DEFAULT_REGION", "evil.example/"),
        named("region of an instance")
            .without("AWS_EC2_METADATA_DISABLED")
            .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{url}/")
            .differs(
                Expected::Calls("DescribeStacks AKIAENV/ ap-south-1"),
                "the AWS CLI asks the instance too; botocore does not",
            ),
    ]
}

fn partitions() -> Vec<SetUp> {
    let of = |name: &'static str, region: &'static str| {
        set_up(name)
            .keys()
            .by_proxy()
            .variable("AWS_DEFAULT_REGION", region)
    };
    let mut all = vec![
        of("commercial region", "eu-west-1"),
        of("China", "cn-northwest-1"),
        of("GovCloud", "us-gov-west-1"),
        of("European Sovereign Cloud", "eusc-de-east-1"),
        of("aws-iso", "us-iso-east-1"),
        of("aws-iso-b", "us-isob-east-1"),
        of("aws-iso-e", "eu-isoe-west-1"),
        of("aws-iso-f", "us-isof-south-1"),
        of("region that nobody knows", "xx-north-7"),
        of("FIPS by the variable", "us-east-1").variable("AWS_USE_FIPS_ENDPOINT", "true"),
        of("FIPS by the profile", "us-gov-west-1").config("[default]\nuse_fips_endpoint = true\n"),
        of("dual stack", "eu-west-1").variable("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ];
    let role = |region: &str| {
        format!(
            "[default]\nregion = {region}\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n[profile base]\n{KEYS}"
        )
    };
    for (name, region) in [
        ("STS of a commercial region", "eu-west-1"),
        ("STS in the European Sovereign Cloud", "eusc-de-east-1"),
    ] {
        all.push(set_up(name).by_proxy().config(&role(region)));
    }
    all
}

fn endpoints() -> Vec<SetUp> {
    let section = "[default]\nservices = local\n[services local]\ncloudformation =\n  endpoint_url = {url}/section\n";
    let plain = |name: &'static str| set_up(name).keys().without("AWS_ENDPOINT_URL");
    let role =
        format!("role_arn = arn:aws:iam::1:role/x\nsource_profile = base\n[profile base]\n{KEYS}");
    vec![
        set_up("endpoint for all").keys(),
        set_up("endpoint of the service").keys().variable("AWS_ENDPOINT_URL_CLOUDFORMATION", "{url}/one"),
        set_up("empty endpoint of the service").keys().variable("AWS_ENDPOINT_URL_CLOUDFORMATION", ""),
        plain("endpoint of the service alone").variable("AWS_ENDPOINT_URL_CLOUDFORMATION", "{url}/one"),
        plain("endpoint of the profile").config("[default]\nendpoint_url = {url}/profile\n"),
        plain("services section").config(section),
        set_up("variable before the services section").keys().config(section),
        plain("services section before the profile")
            .config(&section.replace("services = local", "services = local\nendpoint_url = {url}/profile")),
        plain("services section that is missing").fails("~/.aws/config:2: the shared AWS configuration has no section `[services local]`").config("[default]\nservices = local\n"),
        plain("empty endpoint for all").variable("AWS_ENDPOINT_URL", "").config("[default]\nendpoint_url = {url}/profile\n"),
        plain("endpoint that is no URL").fails("is not a URL").variable("AWS_ENDPOINT_URL", "127.0.0.1:{port}"),
        set_up("ignored endpoints")
            .keys()
            .by_proxy()
            .variable("AWS_ENDPOINT_URL", "{url}/all")
            .variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        set_up("ignored endpoints by the profile")
            .keys()
            .by_proxy()
            .config("[default]\nendpoint_url = {url}/profile\nignore_configured_endpoint_urls = true\n"),
        set_up("endpoints that are not ignored").keys().variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"),
        plain("endpoint of STS")
            .without("AWS_ACCESS_KEY_ID")
            .variable("AWS_ENDPOINT_URL_STS", "{url}/sts")
            .variable("AWS_ENDPOINT_URL_CLOUDFORMATION", "{url}/one")
            .config(&format!("[default]\n{role}")),
        plain("endpoint of STS in a services section")
            .without("AWS_ACCESS_KEY_ID")
            .config(&format!(
                "[services s]\nsts =\n  endpoint_url = {{url}}/sts\ncloudformation =\n  endpoint_url = {{url}}/one\n[default]\nservices = s\n{role}"
            )),
        plain("endpoint of the profile for web identity")
            .without("AWS_ACCESS_KEY_ID")
            .config("[default]\nendpoint_url = {url}/profile\nrole_arn = arn:aws:iam::1:role/pod\nweb_identity_token_file = {home}/token\n")
            .file("token", "a.web.token"),
    ]
}

fn certificates() -> Vec<SetUp> {
    let tls = |name: &'static str| set_up(name).keys().over_tls();
    vec![
        tls("private authority that is not known"),
        tls("AWS_CA_BUNDLE").variable("AWS_CA_BUNDLE", "{home}/ca.pem"),
        tls("ca_bundle of the profile").config("[default]\nca_bundle = {home}/ca.pem\n"),
        tls("REQUESTS_CA_BUNDLE").variable("REQUESTS_CA_BUNDLE", "{home}/ca.pem"),
        tls("AWS_CA_BUNDLE before ca_bundle")
            .variable("AWS_CA_BUNDLE", "{home}/ca.pem")
            .config("[default]\nca_bundle = /nowhere\n"),
        tls("ca_bundle before REQUESTS_CA_BUNDLE")
            .variable("REQUESTS_CA_BUNDLE", "/nowhere")
            .config("[default]\nca_bundle = {home}/ca.pem\n"),
        tls("AWS_CA_BUNDLE that does not exist").fails("AWS_CA_BUNDLE names `/nowhere`").variable("AWS_CA_BUNDLE", "/nowhere"),
        tls("AWS_CA_BUNDLE that is no certificate").fails("holds no certificate")
            .variable("AWS_CA_BUNDLE", "{home}/text")
            .file("text", "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"),
        tls("AWS_CA_BUNDLE for the role of a profile")
            .without("AWS_ACCESS_KEY_ID")
            .variable("AWS_CA_BUNDLE", "{home}/ca.pem")
            .config(&format!("[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n[profile base]\n{KEYS}")),
    ]
}

fn proxies() -> Vec<SetUp> {
    let proxy = "http://127.0.0.1:{port}";
    let plain = |name: &'static str| {
        let url = "http://cloudformation.example:4566";
        set_up(name).keys().variable("AWS_ENDPOINT_URL", url)
    };
    // Nobody listens there: only a call past the proxy arrives.
    let past = |name: &'static str| {
        let nobody = "http://127.0.0.1:1";
        set_up(name).keys().variable("HTTP_PROXY", nobody)
    };
    vec![
        plain("HTTP_PROXY").variable("HTTP_PROXY", proxy),
        plain("http_proxy").variable("http_proxy", proxy),
        plain("proxy without a scheme").variable("HTTP_PROXY", "127.0.0.1:{port}"),
        set_up("https_proxy")
            .keys()
            .by_proxy()
            .without("HTTPS_PROXY")
            .variable("https_proxy", proxy),
        past("NO_PROXY names the host").variable("NO_PROXY", "127.0.0.1"),
        past("no_proxy names the host").variable("no_proxy", "127.0.0.1"),
        past("NO_PROXY names everything").variable("NO_PROXY", "*"),
        past("NO_PROXY names host and port").variable("NO_PROXY", "127.0.0.1:{port}"),
        plain("NO_PROXY names another host")
            .variable("HTTP_PROXY", proxy)
            .variable("NO_PROXY", "other.example"),
        set_up("NO_PROXY names a domain")
            .keys()
            .by_proxy()
            .variable("NO_PROXY", ".example,example.org"),
    ]
}

fn retries() -> Vec<SetUp> {
    vec![
        set_up("four throttled calls").keys().throttled(4),
        set_up("five throttled calls").keys().throttled(5),
        set_up("AWS_MAX_ATTEMPTS=2")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", "2")
            .throttled(2),
        set_up("AWS_MAX_ATTEMPTS=6")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", "6")
            .throttled(5),
        set_up("max_attempts of the profile")
            .keys()
            .config("[default]\nmax_attempts = 2\n")
            .throttled(2),
        set_up("variable before the profile")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", "3")
            .config("[default]\nmax_attempts = 1\n")
            .throttled(2),
        set_up("AWS_RETRY_MODE=standard")
            .keys()
            .variable("AWS_RETRY_MODE", "standard")
            .throttled(2),
        set_up("AWS_RETRY_MODE=legacy")
            .keys()
            .variable("AWS_RETRY_MODE", "legacy")
            .throttled(2),
        set_up("AWS_RETRY_MODE=adaptive")
            .keys()
            .variable("AWS_RETRY_MODE", "adaptive")
            .variable("AWS_MAX_ATTEMPTS", "2")
            .throttled(1),
        set_up("retry_mode of the profile")
            .keys()
            .config("[default]\nretry_mode = standard\n")
            .throttled(2),
        set_up("unknown retry mode")
            .fails("AWS_RETRY_MODE is `often`")
            .keys()
            .variable("AWS_RETRY_MODE", "often"),
        set_up("attempts that are no number")
            .fails("AWS_MAX_ATTEMPTS is `many`")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", "many"),
        set_up("empty attempts")
            .fails("AWS_MAX_ATTEMPTS is ``")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", ""),
        set_up("no attempts")
            .keys()
            .variable("AWS_MAX_ATTEMPTS", "0"),
    ]
}
