//! The manifest's keys, in one table.
//!
//! The reader, "did you mean", the JSON Schema, `--set` and `STACKCTL_*` variables, the defaults and
//! `config show` all follow this table. A new key needs one row here and one field of the same name
//! in [`settings`](crate::config::settings).

use std::ops::RangeInclusive;

use super::checks::{self, Checked};
use Kind::{
    Amount, Any, Duration, Flag, Integer, List, Map, Networks, Parameter, Severity, Table, Text,
};

/// CloudFormation takes 50 tags per stack (`CreateChangeSet`, `Tags`).
pub(crate) const TAG_LIMIT: usize = 50;
/// CloudFormation quotas: parameters in a template.
const PARAMETER_LIMIT: usize = 200;
/// `CreateChangeSet`: `NotificationARNs` and `RollbackTriggers` take 5 items each.
const ARN_LIMIT: usize = 5;
/// `CreateChangeSet`: `ResourcesToImport` takes 200 items.
const IMPORT_LIMIT: usize = 200;
/// No limit.
const NO_LIMIT: usize = usize::MAX;

/// One key of the manifest.
#[derive(Debug)]
pub(crate) struct Key {
    /// The name in its table.
    pub(crate) name: &'static str,
    /// The values that it accepts.
    pub(crate) kind: Kind,
    /// The description in the JSON Schema, which editors show.
    pub(crate) description: &'static str,
    /// The built-in default, as TOML. A default inside a [`Map`] only documents the key.
    pub(crate) default: Option<&'static str>,
    /// The layers that may contain it; `None` if every layer may.
    pub(crate) only: Option<Only>,
}

/// The values that a key accepts.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Text that passes a check, with its limits in the JSON Schema.
    Text(Check, Limits),
    /// A list of texts that pass a check, with the highest number of items.
    List(Check, usize),
    /// `true` or `false`.
    Flag,
    /// An integer in a range.
    Integer(RangeInclusive<u32>),
    /// A number of targets of a stack set, or a percentage such as `10%`.
    Amount,
    /// A duration of at least one second, such as `60s`.
    Duration,
    /// The severity of a finding.
    Severity,
    /// One network in CIDR notation, or a list of networks.
    Networks,
    /// The value of a CloudFormation parameter.
    Parameter,
    /// Any value.
    Any,
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table with names of the user as its keys.
    Map(&'static Names),
}

/// The check of a text.
pub(crate) type Check = fn(&str) -> Checked<()>;

/// The limits of a text in the JSON Schema; lengths are in characters.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) pattern: Option<&'static str>,
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
}

/// A table with names of the user as its keys.
#[derive(Debug)]
pub(crate) struct Names {
    /// The check of a name.
    pub(crate) name: Check,
    /// The highest number of entries.
    pub(crate) limit: usize,
    /// The values that each name accepts.
    pub(crate) value: Kind,
    /// The description of an entry in the JSON Schema; may be empty.
    pub(crate) description: &'static str,
}

/// The layers that may contain a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    /// The top level, variables and flags.
    TopLevel,
    /// The `[environments.NAME]` tables.
    Environments,
    /// The tables of stacks: `[stacks.NAME]` and `[environments.NAME.stacks.NAME]`.
    Stacks,
    /// Every layer but the tables of stacks: the key is the same for all stacks.
    Project,
}

/// The keys of the top level, of each `[environments.NAME]` table and of each table of a stack.
#[rustfmt::skip] // two lines per key
pub(crate) static KEYS: &[Key] = &[
    Key::new("project", Text(checks::project, pattern(r"^[A-Za-z][A-Za-z0-9-]*$", Some(128))),
        "The project's name: letters, digits and hyphens, starting with a letter. It is part of the stack's name and of every artifact's key.").only(Only::Project),
    Key::new("environment", Text(checks::environment, ENVIRONMENT_NAME),
        "The environment to work on if `-e/--env` names none.").default(r#""dev""#).only(Only::TopLevel),
    Key::new("required_version", Text(checks::version, FILLED),
        "The versions of stackctl that may work with this manifest, such as `>=0.1`. Any other refuses to run.").only(Only::Project),
    Key::new("region", Text(checks::region, pattern(r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", None)),
        "The AWS region, such as `eu-west-1`. Without it: `AWS_REGION`, then the profile."),
    Key::new("profile", Text(checks::filled, FILLED),
        "The profile of the shared AWS configuration to use."),
    Key::new("account", Text(checks::account, pattern(r"^[0-9]{12}$", None)),
        "The only AWS account that may be written to, 12 digits."),
    Key::new("stack_name", Text(checks::stack_name, FILLED),
        "The stack's name. `{project}`, `{environment}` and, in a project with `[stacks]`, `{stack}` are replaced; there the default is `{project}-{stack}-{environment}`.").default(r#""{project}-{environment}""#),
    Key::new("template", Text(checks::path, FILLED),
        "The CloudFormation template, relative to the manifest.").default(r#""templates/stack.yaml.j2""#),
    Key::new("artifact_bucket", Text(checks::bucket, length(3, 63)),
        "The bucket that artifacts are uploaded to. Without it `stackctl-artifacts-{account}-{region}`, made when first needed."),
    Key::new("allow_endpoint", Flag,
        "Whether an endpoint that is not AWS's, such as an exported `AWS_ENDPOINT_URL`, may be used.").default("false"),
    Key::new("allowed_ssh_cidr", Networks,
        "The networks that the template admits by SSH: one CIDR or a list, IPv4 or IPv6. Needed only if the template reads `allowed_ssh_cidrs`."),
    Key::new("allow_world_ssh", Flag,
        "Whether `allowed_ssh_cidr`, written beside it, may admit the whole internet.").default("false"),
    Key::new("key_pair", Text(checks::key_pair, length(1, 255)),
        "The name of an EC2 key pair. Needed only if the template reads `key_pair`."),
    Key::new("tags", Map(&Names { name: checks::tag_key, limit: TAG_LIMIT, value: Text(checks::tag_value, FILLED), description: "" }),
        "Tags for the stack and all that it holds, besides `stackctl:project` and `stackctl:environment`."),
    Key::new("own_tags", Flag,
        "Whether the stack gets the tags `stackctl:project` and `stackctl:environment`. A new tag changes every resource that takes tags.").default("true"),
    Key::new("artifacts", Map(&Names { name: checks::artifact, limit: NO_LIMIT, value: Table(ARTIFACT), description: "One artifact: a folder that becomes one zip." }),
        "The artifacts by name: each folder becomes one zip."),
    Key::new("parameters", Map(&Names { name: checks::parameter, limit: PARAMETER_LIMIT, value: Parameter, description: "The value of a CloudFormation parameter. A list is joined with commas." }),
        "The template's CloudFormation parameters by name. All are always sent."),
    Key::new("import", Map(&Names { name: checks::logical_id, limit: IMPORT_LIMIT, value: IDENTIFIER, description: "The identifier of one resource, such as `{ BucketName = \"my-bucket\" }`." }),
        "Existing resources that the stack takes over, by the logical id that they have in the template."),
    Key::new("moved", Map(&Names { name: checks::logical_id, limit: NO_LIMIT, value: Text(checks::logical_id, pattern("^[A-Za-z0-9]+$", Some(255))), description: "The new logical id." }),
        "Resources with a new logical id in the template, by their ids in the deployed stack: `Old = \"New\"`. `stackctl refactor` renames them without replacing them."),
    Key::new("vars", Map(&Names { name: |_| Ok(()), limit: NO_LIMIT, value: Any, description: "" }),
        "Free values for the template, which sees them as `vars.NAME`."),
    Key::new("stack", Table(STACK),
        "How the stack is deployed."),
    Key::new("lint", Table(LINT),
        "What the linter and the template's checks leave out."),
    Key::new("ssh", Table(SSH),
        "How `stackctl ssh` connects."),
    Key::new("history", Table(HISTORY),
        "The records of deployments."),
    Key::new("verify", Table(VERIFY),
        "The smoke test: upload a file, wait for its item in the table."),
    Key::new("emulator", Flag,
        "Whether this environment is the embedded emulator; in the environment `local`, it is unless this is `false`.").default("false").only(Only::Environments),
    Key::new("watch", Text(checks::watch, pattern("^(apply|hotswap)$", None)),
        "What `stackctl watch` may do in this environment without a question: `apply` deploys each save; `hotswap` also sends changed function code past the stack.").only(Only::Environments),
    Key::new("needs", List(checks::stack_key, NO_LIMIT),
        "The stacks that are deployed before this one, besides those that `from_stack` names.").only(Only::Stacks),
    Key::new("stack_set", Table(STACK_SET),
        "The accounts and regions to which CloudFormation itself distributes this stack, as a StackSet.").only(Only::Stacks),
];

/// The default of `stack_name` in a project with `[stacks]`, as TOML.
pub(crate) const STACK_NAME_OF_MANY: &str = r#""{project}-{stack}-{environment}""#;

/// The identifier of a resource: the properties that identify it, and their values.
const IDENTIFIER: Kind = Map(&Names {
    name: checks::filled,
    limit: NO_LIMIT,
    value: Text(checks::filled, FILLED),
    description: "",
});

#[rustfmt::skip] // two lines per key
const ARTIFACT: &[Key] = &[
    Key::new("path", Text(checks::path, FILLED),
        "The folder, relative to the manifest. Without it: the artifact's name."),
    Key::new("exclude", List(checks::glob, NO_LIMIT),
        "Globs to leave out, besides `__pycache__`, `*.pyc`, `.git`, `.venv` and the like.").default("[]"),
    Key::new("requirements", Text(checks::path, FILLED),
        "A lock file of Python packages with hashes, relative to the manifest. Their wheels are unpacked into the zip."),
    Key::new("python", Text(checks::python, pattern(r"^3\.(9|1[0-4])$", None)),
        "The Python of the function's runtime, such as `3.12` for `python3.12`. Required with `requirements`."),
    Key::new("architecture", Text(checks::architecture, pattern("^(x86_64|arm64)$", None)),
        "The function's architecture, `x86_64` or `arm64`, which selects the wheels of `requirements`; the default is `x86_64`."),
    Key::new("build", List(checks::argument, NO_LIMIT),
        "A program and its arguments, without a shell, that run in the manifest's folder before the artifact is packaged.").default("[]"),
];

#[rustfmt::skip] // two lines per key
const STACK: &[Key] = &[
    Key::new("capabilities", List(checks::capability, NO_LIMIT),
        "Capabilities that override those derived from the template."),
    Key::new("termination_protection", Flag,
        "Whether the stack is protected from deletion. Without it, the protection stays as it is."),
    Key::new("policy", Text(checks::path, FILLED),
        "The stack policy's file, JSON, relative to the manifest's folder. Without it, the policy stays as it is."),
    Key::new("role_arn", Text(checks::role_arn, FILLED),
        "The role that CloudFormation assumes."),
    Key::new("notification_arns", List(checks::topic_arn, ARN_LIMIT),
        "SNS topics that receive the stack's events; at most 5 (`CreateChangeSet`).").default("[]"),
    Key::new("rollback_alarms", List(checks::alarm_arn, ARN_LIMIT),
        "CloudWatch alarms that roll an operation back; at most 5 (`RollbackConfiguration`).").default("[]"),
    Key::new("rollback_monitoring_minutes", Integer(0..=180),
        "How long after an operation the alarms are watched, 0 to 180 minutes (`RollbackConfiguration`)."),
    Key::new("timeout_minutes", Integer(1..=u32::MAX),
        "How long stackctl waits for an operation, in minutes. Without it, until the operation ends."),
    Key::new("protected_types", List(checks::filled, NO_LIMIT),
        "Resource types that are guarded like the built-in stateful ones.").default("[]"),
    Key::new("deployment_mode", Text(checks::deployment_mode, pattern("^(standard|express)$", None)),
        "`express`: operations on the stack end before the resources are stable (`DeploymentConfig`); the default is `standard`.").default(r#""standard""#),
];

#[rustfmt::skip] // two lines per key
const STACK_SET: &[Key] = &[
    Key::new("accounts", List(checks::account, NO_LIMIT),
        "The target accounts, 12 digits each."),
    Key::new("organizational_units", List(checks::organizational_unit, NO_LIMIT),
        "The target organizational units, such as `ou-ab12-34cd56ef`, or the root `r-ab12`."),
    Key::new("account_filter", Text(checks::account_filter, pattern("^(intersection|difference)$", None)),
        "How `accounts` count with `organizational_units`: `intersection` (the default): only these; `difference`: all but these."),
    Key::new("regions", List(checks::region, NO_LIMIT),
        "The target regions, in the order in which they are deployed."),
    Key::new("permissions", Text(checks::permissions, pattern("^(self-managed|service-managed)$", None)),
        "`self-managed`: the roles are yours; `service-managed`: AWS Organizations creates them."),
    Key::new("failure_tolerance", Amount,
        "The failed accounts in each region, as a number or a percentage such as `10%`, after which CloudFormation stops."),
    Key::new("max_concurrent", Amount,
        "The accounts that are deployed at once, as a number or a percentage such as `10%`."),
    Key::new("region_concurrency", Text(checks::region_concurrency, pattern("^(sequential|parallel)$", None)),
        "Whether the regions are deployed one after the other (`sequential`, CloudFormation's default) or at the same time (`parallel`)."),
    Key::new("concurrency_mode", Text(checks::concurrency_mode, pattern("^(strict|soft)$", None)),
        "`strict` (CloudFormation's default): at most one account more than may still fail is deployed at once; `soft`: always `max_concurrent`."),
    Key::new("auto_deployment", Flag,
        "Whether CloudFormation deploys to accounts that join the organizational units (`service-managed`)."),
    Key::new("retain_stacks_on_account_removal", Flag,
        "Whether the stacks stay in accounts that leave the organizational units; only with `auto_deployment`."),
    Key::new("managed_execution", Flag,
        "Whether operations that do not conflict run at the same time. Without it, that stays as it is."),
    Key::new("call_as", Text(checks::call_as, pattern("^(self|delegated-admin)$", None)),
        "`delegated-admin` if the caller is a delegated administrator of the organization; the default is `self`."),
    Key::new("administration_role", Text(checks::role_arn, FILLED),
        "The role with which CloudFormation assumes the execution role (`self-managed`)."),
    Key::new("execution_role", Text(checks::role_name, FILLED),
        "The name of the role in each target account. Transforms and nested stacks need one with `service-managed` too."),
    Key::new("artifact_buckets", Map(&Names { name: checks::region, limit: NO_LIMIT, value: Text(checks::bucket, length(3, 63)), description: "" }),
        "The bucket of the artifacts in each region, which the target accounts can read."),
    Key::new("overrides", Map(&Names { name: checks::override_target, limit: NO_LIMIT, value: OVERRIDES, description: "The parameters of one target: `ACCOUNT`, `REGION` or `ACCOUNT/REGION`." }),
        "Values of parameters that differ in a target: `ACCOUNT`, `REGION` or `ACCOUNT/REGION`."),
];

/// The values of parameters in one target of a stack set.
const OVERRIDES: Kind = Map(&Names {
    name: checks::parameter,
    limit: PARAMETER_LIMIT,
    value: Text(
        checks::any,
        Limits {
            pattern: None,
            min: 0,
            max: None,
        },
    ),
    description: "",
});

#[rustfmt::skip] // two lines per key
const LINT: &[Key] = &[
    Key::new("ignore", List(checks::lint_rule, NO_LIMIT),
        "Rules whose findings and warnings are left out, by id, such as `W3010` or `unknown-property`.").default("[]"),
    Key::new("severity", Severity,
        "The least severity that is shown; without it `warning`.").default(r#""warning""#),
    Key::new("rc", Flag,
        "Whether cfn-lint reads the project's `.cfnlintrc`, which can name Python files that it executes.").default("false"),
];

#[rustfmt::skip] // two lines per key
const HISTORY: &[Key] = &[
    Key::new("enabled", Flag,
        "Whether each deployment is recorded. Without it, it is recorded if the artifact bucket exists; `true` creates the bucket."),
    Key::new("keep", Integer(1..=10_000),
        "How many records `stackctl gc` keeps of each stack, and with them what the deployments need. It always keeps the newest two, and the newest two of deployments that succeeded.").default("50"),
];

#[rustfmt::skip] // two lines per key
const SSH: &[Key] = &[
    Key::new("address", List(checks::filled, NO_LIMIT),
        "The stack outputs that may hold the instance's address. `stackctl ssh` takes the first one that the stack has.").default("[]"),
    Key::new("identity_file", Text(checks::filled, FILLED),
        "The private key's file, `~` not yet expanded."),
    Key::new("user", Text(checks::user, FILLED),
        "The user to log in as, such as `ec2-user`. Without it, `ssh` decides."),
];

#[rustfmt::skip] // two lines per key
const VERIFY: &[Key] = &[
    Key::new("upload", Table(UPLOAD),
        "What to upload, and where."),
    Key::new("expect", Table(EXPECT),
        "What must appear, and where."),
    Key::new("timeout", Duration,
        "How long to wait for the item, such as `60s` or `2m`.").default(r#""60s""#),
    Key::new("after_apply", Flag,
        "Whether every `apply` ends with the smoke test.").default("false"),
];

#[rustfmt::skip] // two lines per key
const UPLOAD: &[Key] = &[
    Key::new("bucket", Text(checks::filled, FILLED),
        "The stack output that holds the bucket's name."),
    Key::new("file", Text(checks::path, FILLED),
        "The file to upload, relative to the manifest."),
];

#[rustfmt::skip] // two lines per key
const EXPECT: &[Key] = &[
    Key::new("table", Text(checks::filled, FILLED),
        "The stack output that holds the table's name."),
    Key::new("key", Text(checks::filled, FILLED),
        "The table's key attribute, which will hold the uploaded object's key."),
];

/// The keys of a parameter whose value is not in the manifest. Exactly one of them is given, and `output`
/// with `from_stack`.
#[rustfmt::skip] // two lines per key
pub(crate) static SOURCES: &[Key] = &[
    Key::new("from_env", Text(checks::variable, FILLED),
        "The environment variable that holds the value: a secret, never printed, never in a plan file."),
    Key::new("from_ssm", Text(checks::ssm_parameter, FILLED),
        "The SSM parameter that holds the value, by name or ARN, such as `/app/image` or `/app/image:3`; read when it is sent, never printed."),
    Key::new("from_secret", Text(checks::secret, FILLED),
        "The secret of Secrets Manager that holds the value, by name or ARN, such as `app/db`, or `app/db#password` for a key of its JSON; read when it is sent, never printed."),
    Key::new("from_stack", Text(checks::stack_key, STACK_KEY),
        "The stack of this project, by its key in `[stacks]`, whose output is the value."),
    Key::new("output", Text(checks::output, pattern("^[A-Za-z0-9]+$", Some(255))),
        "The output of the stack that `from_stack` names."),
    Key::new("use_previous", Flag,
        "`true`: the parameter keeps the value that it has in the deployed stack."),
];

/// The keys of [`SOURCES`] that only complete another one.
pub(crate) const COMPLETING: [(&str, &str); 1] = [("from_stack", "output")];

/// The limits of an environment's name.
pub(crate) const ENVIRONMENT_NAME: Limits = pattern(r"^[a-z][a-z0-9-]*$", Some(32));

/// The limits of a stack's key in `[stacks]`.
pub(crate) const STACK_KEY: Limits = pattern(r"^[A-Za-z][A-Za-z0-9-]*$", Some(128));

/// Any text but the empty one.
const FILLED: Limits = Limits {
    pattern: None,
    min: 1,
    max: None,
};

const fn pattern(pattern: &'static str, max: Option<usize>) -> Limits {
    Limits {
        pattern: Some(pattern),
        min: 0,
        max,
    }
}

const fn length(min: usize, max: usize) -> Limits {
    Limits {
        pattern: None,
        min,
        max: Some(max),
    }
}

impl Key {
    const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            default: None,
            only: None,
        }
    }

    const fn default(mut self, toml: &'static str) -> Self {
        self.default = Some(toml);
        self
    }

    const fn only(mut self, layers: Only) -> Self {
        self.only = Some(layers);
        self
    }
}

/// Returns the names of keys.
pub(crate) fn names(keys: &'static [Key]) -> impl Iterator<Item = &'static str> {
    keys.iter().map(|key| key.name)
}

/// Returns whether only the tables of stacks may contain this key of a layer.
pub(crate) fn is_of_stacks(name: &str) -> bool {
    let mut keys = KEYS.iter();
    keys.any(|key| key.name == name && key.only == Some(Only::Stacks))
}

/// Returns the values that the key at `path` of a layer accepts; `None` if there is no such key.
pub(crate) fn find(path: &[&str]) -> Option<&'static Kind> {
    static LAYER: Kind = Table(KEYS);
    path.iter().try_fold(&LAYER, |kind, part| match kind {
        Table(keys) => keys
            .iter()
            .find(|key| key.name == *part)
            .map(|key| &key.kind),
        Map(names) => Some(&names.value),
        Any => Some(kind),
        _ => None,
    })
}
