//! The configuration of a connection to AWS: from the manifest, the command line, the environment
//! variables and the shared configuration.
//!
//! The SDK's own loader reads the same variables and files, but it ignores what it cannot read, knows no
//! `ca_bundle` and no `mfa_serial`, and takes credentials from them in another order than the AWS CLI.
//! So what matters is read here, and the loader is given the result.

use std::sync::Arc;

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, imds};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::SdkConfig;
use aws_types::os_shim_internal::Env;

use super::credentials::{Loading, Provider, Search, Source};
use super::endpoints::Endpoints;
use super::http::{Route, ToAws};
use super::limiter::{limited, stalled_stream_protection};
use super::login::{Login, LoginKind};
use super::pool::{Caller, Credentials, Pool};
use super::retries::Retries;
use super::shared_config::{Profile, SharedConfig, explain_unopened};
use super::trust;
use super::variables::Variables;
use crate::config::origin::Origin;
use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::util::suggest::{nearest, quoted};

/// The variables that name a profile, in botocore's order.
const PROFILE_VARIABLES: [&str; 2] = ["AWS_DEFAULT_PROFILE", "AWS_PROFILE"];

/// The variables that name a region. botocore reads only the second one.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The variables that name the hosts which are not reached through a proxy.
const NO_PROXY_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// What a connection is made of.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) sdk: SdkConfig,
    pub(super) region: String,
    pub(super) login: Login,
    /// The MFA devices whose codes the credentials need.
    pub(super) devices: Vec<String>,
    pub(super) caller: Arc<Caller>,
}

/// The profile in use.
struct Selection {
    name: String,
    profile: Profile,
    /// Whether the user chose it by a flag or in the manifest.
    is_chosen: bool,
    /// The profile that the manifest names, if it does not count.
    absent: Option<String>,
}

/// Returns how servers outside of this machine are reached.
///
/// # Errors
///
/// If a variable is not UTF-8.
pub(super) fn to_aws(variables: &Variables, profile: &Profile) -> Result<ToAws> {
    Ok(ToAws {
        certificates: trust::bundle(variables, profile)?,
        no_proxy: variables
            .first(NO_PROXY_VARIABLES)?
            .map_or_else(String::new, |(_, hosts)| hosts),
    })
}

/// Returns the configuration of a connection. Nothing is sent, except to the metadata service of an
/// instance if no region is configured.
///
/// # Errors
///
/// If a variable, a file or a profile cannot be used, or no region is configured.
pub(super) async fn load(
    settings: &Settings,
    secrets: &Secrets,
    pool: &Pool,
) -> Result<Configuration> {
    let variables = Variables::new(Env::real());
    let shared = SharedConfig::load(&variables)?;
    let selection = select(settings, &variables, &shared)?;
    let profile = &selection.profile;
    let search = Search {
        shared: &shared,
        variables: &variables,
        is_chosen: selection.is_chosen,
    };
    let source = search.source(&selection.name, profile)?;
    let endpoints = Endpoints::of(&variables, &shared, profile)?;
    let retries = Retries::read(&variables, profile)?.at(pool.pace());
    let to_aws = to_aws(&variables, profile)?;

    let client = pool.client(Route::Aws(to_aws))?;
    let caller = pool.caller(Credentials::Profile {
        name: selection.name.clone(),
        source: source.clone(),
    });

    let local = ProviderConfig::without_region()
        .with_http_client(pool.client(Route::Direct)?)
        .with_retry_config(retries.retries.clone());
    let metadata = metadata_client(&variables, profile, &local)?;
    let region = match configured_region(settings, &variables, profile)? {
        Some((region, _)) => region,
        None => region_of_instance(&local, &metadata)
            .await
            .ok_or_else(|| no_region(&shared))?,
    };
    let files =
        EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, text_of(profile));
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .profile_files(files.build())
        .profile_name("default")
        .region(Region::new(region.clone()))
        .http_client(limited(client, caller.limiters.clone()))
        .identity_cache(caller.loaded.clone())
        .retry_config(retries.retries)
        .timeout_config(retries.timeouts)
        .stalled_stream_protection(stalled_stream_protection())
        .no_credentials()
        .load()
        .await;
    let mut sdk = sdk.into_builder().service_config(endpoints);
    sdk.set_endpoint_url(None);
    let sdk = sdk.build();

    let login = Login {
        profile: selection.is_chosen.then(|| selection.name.clone()),
        absent_profile: selection.absent,
        kind: match source.base() {
            Source::SignOn(_) => LoginKind::SignOn,
            Source::LoginSession(_) => LoginKind::Session,
            _ => LoginKind::Other,
        },
        unopened: shared.unopened().to_vec(),
        ..Login::default()
    };
    let devices = source.devices().into_iter().map(str::to_owned).collect();
    let provider = caller.provider.get_or_init(|| {
        let loading = Loading {
            config: sdk.clone(),
            local,
            metadata,
            variables,
            secrets: secrets.clone(),
        };
        let codes = Arc::clone(&caller.codes);
        let validity = caller.validity.clone();
        SharedCredentialsProvider::new(Provider::new(source, loading, codes, validity))
    });
    let sdk = sdk.into_builder().credentials_provider(provider.clone());
    Ok(Configuration {
        sdk: sdk.build(),
        region,
        login,
        devices,
        caller,
    })
}

/// What the variables, the files and the manifest say about a connection, each part by itself.
#[derive(Debug)]
pub struct Setup {
    /// Where the credentials come from, in words.
    pub credentials: Result<String>,
    /// The region and where it is set; `None` if nothing sets it.
    pub region: Result<Option<(String, String)>>,
}

/// Returns what is configured. Nothing is sent.
pub fn setup(settings: &Settings) -> Setup {
    let variables = Variables::new(Env::real());
    let shared = SharedConfig::load(&variables);
    let selected = shared.and_then(|shared| {
        let selection = select(settings, &variables, &shared)?;
        Ok((shared, selection))
    });
    match selected {
        Ok((shared, selection)) => {
            let search = Search {
                shared: &shared,
                variables: &variables,
                is_chosen: selection.is_chosen,
            };
            Setup {
                credentials: search.description(&selection.name, &selection.profile),
                region: configured_region(settings, &variables, &selection.profile),
            }
        }
        Err(error) => Setup {
            credentials: Err(error),
            // The profile may have had one.
            region: configured_region(settings, &variables, &Profile::default()),
        },
    }
}

/// Returns the profile in use.
///
/// # Errors
///
/// If it does not exist. The manifest's profile is that of a developer: on a machine without any
/// profile, such as a build machine, it does not count.
fn select(settings: &Settings, variables: &Variables, shared: &SharedConfig) -> Result<Selection> {
    let origin = settings.origins.get("profile");
    let is_of_manifest = matches!(origin, Origin::Manifest { .. });
    let mut selection = Selection {
        name: "default".to_owned(),
        profile: Profile::default(),
        is_chosen: false,
        absent: None,
    };
    let mut named_by = None;
    if let Some(name) = &settings.profile
        && !(is_of_manifest && shared.names().next().is_none())
    {
        selection.name.clone_from(name);
        selection.is_chosen = true;
    } else {
        selection.absent.clone_from(&settings.profile);
        if let Some((variable, name)) = variables.first(PROFILE_VARIABLES)? {
            selection.name = name;
            named_by = Some(variable);
        }
    }
    match shared.profile(&selection.name) {
        Some(profile) => selection.profile = profile.clone(),
        None if selection.is_chosen => {
            return Err(unknown_profile(&selection.name, origin, shared));
        }
        None => {
            if let Some(variable) = named_by {
                return Err(unknown_profile_of_variable(
                    &selection.name,
                    variable,
                    shared,
                ));
            }
        }
    }
    Ok(selection)
}

fn unknown_profile(name: &str, origin: &Origin, shared: &SharedConfig) -> Error {
    let message = format!("the shared AWS configuration has no profile `{name}`");
    let problem = Diagnostic::error("unknown-profile", message, origin.place(""));
    let problem = problem.help(other_profiles(name, shared));
    let error = Error::input("the profile does not exist on this machine")
        .with_diagnostics(vec![problem])
        .hint("`--profile NAME` chooses another one");
    explain_unopened(error, shared.unopened())
}

fn unknown_profile_of_variable(name: &str, variable: &str, shared: &SharedConfig) -> Error {
    let message = if name.is_empty() {
        format!("the variable {variable} is empty, and names no profile")
    } else {
        let name = name.escape_debug();
        format!("the variable {variable} names the profile `{name}`, which does not exist")
    };
    let error = Error::input(message)
        .hint(format!("unset {variable}, or export another profile"))
        .hint(other_profiles(name, shared));
    explain_unopened(error, shared.unopened())
}

fn other_profiles(name: &str, shared: &SharedConfig) -> String {
    if shared.lacks_prefix(name) {
        return format!(
            "the section of the config file has to be `[profile {name}]`, not `[{name}]`"
        );
    }
    if let Some(meant) = nearest(name, shared.names()) {
        return format!("did you mean `{meant}`?");
    }
    if shared.names().next().is_none() {
        return "this machine has no profiles: `aws configure` or `aws configure sso` creates one"
            .to_owned();
    }
    format!("the profiles are {}", quoted(shared.names()))
}

/// Returns the region that is configured, and where.
///
/// # Errors
///
/// If it can be no region.
fn configured_region(
    settings: &Settings,
    variables: &Variables,
    profile: &Profile,
) -> Result<Option<(String, String)>> {
    let found = if let Some(region) = &settings.region {
        Some((region.clone(), settings.origins.get("region").to_string()))
    } else if let Some((name, region)) = variables.first(REGION_VARIABLES)? {
        Some((region, format!("the variable {name}")))
    } else {
        let region = profile.text("region");
        region.map(|region| (region.to_owned(), profile.place("region").to_owned()))
    };
    let Some((region, origin)) = found else {
        return Ok(None);
    };
    if is_region(&region) {
        return Ok(Some((region, origin)));
    }
    let message = if region.is_empty() {
        format!("{origin}: the AWS region is empty")
    } else {
        format!(
            "{origin}: `{}` cannot be a region of AWS",
            region.escape_debug()
        )
    };
    let error = Error::input(message);
    Err(if region.contains(['#', ';']) {
        error.hint("a comment in the shared AWS configuration needs a line of its own")
    } else {
        error.hint("regions look like `eu-west-1`; `--region` chooses one")
    })
}

/// Returns whether a text can be the label of a host, as the name of a region is.
fn is_region(text: &str) -> bool {
    let is_label = |it: char| it.is_ascii_alphanumeric() || it == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(is_label)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn no_region(shared: &SharedConfig) -> Error {
    let error = Error::input("no AWS region is configured")
        .hint("set `region = \"eu-west-1\"` in the manifest, export AWS_REGION, or pass --region");
    explain_unopened(error, shared.unopened())
}

/// Returns a client of the metadata service of EC2. Its endpoint may be the profile's.
fn metadata_client(
    variables: &Variables,
    profile: &Profile,
    local: &ProviderConfig,
) -> Result<imds::Client> {
    let client = imds::Client::builder().configure(local);
    let is_set = variables
        .filled("AWS_EC2_METADATA_SERVICE_ENDPOINT")?
        .is_some();
    let key = "ec2_metadata_service_endpoint";
    let client = match profile.text(key).filter(|_| !is_set) {
        None => client,
        Some(url) => client.endpoint(url).map_err(|_| {
            Error::input(format!("{}: `{key}` is not a URL", profile.place(key)))
                .hint("it looks like `http://169.254.169.254`")
        })?,
    };
    Ok(client.build())
}

async fn region_of_instance(local: &ProviderConfig, metadata: &imds::Client) -> Option<String> {
    let provider = imds::region::ImdsRegionProvider::builder()
        .configure(local)
        .imds_client(metadata.clone())
        .build();
    Some(provider.region().await?.to_string())
}

/// Returns the settings of a profile as the text of a file, for what the SDK reads itself, such as
/// `use_fips_endpoint`.
fn text_of(profile: &Profile) -> String {
    let lines = profile
        .lines()
        .map(|(key, value)| format!("{key} = {value}\n"));
    format!("[default]\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::is_region;

    #[test]
    fn a_region_is_a_label_of_a_host() {
        for region in ["eu-west-1", "us-gov-east-1", "x", "EU-WEST-1"] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            " eu-west-1",
            "eu-west-1 ",
            "eu_west_1",
            "a.b",
            "-a",
            "a-",
            "a\n",
            "ä",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }
}
