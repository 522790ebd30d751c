//! Set-ups of files that are odd or broken.

use super::set_up::{Expected, SetUp, set_up};
use super::surroundings::EMPTY_REGION;

const GOOD: &str =
    "[default]\nregion = sa-east-1\naws_access_key_id = AKIAFILE\naws_secret_access_key = x\n";

pub(super) fn set_ups() -> Vec<SetUp> {
    let mut all = texts();
    all.extend(places());
    all
}

/// Files whose text is odd or broken.
fn texts() -> Vec<SetUp> {
    vec![
        set_up("no files").keys(),
        set_up("section without a bracket")
            .fails("~/.aws/config:7:")
            .config(&format!("{GOOD}\n[profile other]\n[profile broken\n")),
        set_up("section without a bracket, and everything in variables")
            .fails("~/.aws/config:5:")
            .keys()
            .config(&format!("{GOOD}[profile broken\n")),
        set_up("credentials file without a bracket")
            .fails("~/.aws/credentials:1:")
            .config(GOOD)
            .credentials("[default\n"),
        set_up("setting without a section")
            .fails("~/.aws/config:1:")
            .config("region = eu-west-1\n"),
        set_up("setting without a value")
            .fails("~/.aws/config:5:")
            .config(&format!("{GOOD}output\n")),
        set_up("section twice")
            .fails("~/.aws/config:5:")
            .config(&format!("{GOOD}[default]\n")),
        set_up("setting twice")
            .fails("~/.aws/config:5:")
            .config(&format!("{GOOD}region = eu-west-1\n")),
        set_up("nested setting without a value")
            .fails("~/.aws/config:6:")
            .config(&format!("{GOOD}s3 =\n  addressing_style\n")),
        set_up("nested settings").config(&format!(
            "{GOOD}s3 =\n  addressing_style = path\n  # x\n\n  a = b\noutput = json\n"
        )),
        set_up("CRLF").config(&GOOD.replace('\n', "\r\n")),
        set_up("tabs and colons").config(&GOOD.replace(" = ", "\t:\t")),
        set_up("indented sections").config(
            &GOOD
                .replace("[default]", "  [default]")
                .replace("region", "  region"),
        ),
        set_up("capital keys").config(
            &GOOD
                .replace("region", "REGION")
                .replace("aws_access", "AWS_Access"),
        ),
        set_up("comments").config(&format!("# c\n; d\n{GOOD}# region = eu-west-1\n  ; e\n")),
        set_up("comment behind a value")
            .fails("a comment in the shared AWS configuration needs a line of its own")
            .config(&GOOD.replace("sa-east-1", "sa-east-1 # home")),
        set_up("empty region in the file")
            .config(&GOOD.replace("sa-east-1", ""))
            .differs(
                Expected::Fails("~/.aws/config:2: the AWS region is empty"),
                EMPTY_REGION,
            ),
        set_up("prefix of the default profile")
            .config(&GOOD.replace("[default]", "[profile default]")),
        set_up("profile without its prefix")
            .fails("has to be `[profile p]`")
            .profile("p")
            .config(&GOOD.replace("[default]", "[p]")),
        set_up("profile of the credentials file alone")
            .profile("p")
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
            .credentials(&GOOD.replace("[default]", "[p]")),
        set_up("empty files").keys().config("").credentials(""),
    ]
}

/// Files that are elsewhere, cannot be opened, or are in an odd encoding.
fn places() -> Vec<SetUp> {
    let not_utf8 = [GOOD.as_bytes(), b"# caf\xe9\n"].concat();
    vec![
        set_up("byte order mark")
            .config(&format!("\u{feff}{GOOD}"))
            .differs(
                Expected::Calls("DescribeStacks AKIAFILE/ sa-east-1"),
                "editors write it, and it changes nothing",
            ),
        set_up("not UTF-8")
            .fails("~/.aws/config:5: the text is not UTF-8")
            .file(".aws/config", not_utf8),
        set_up("folder in the place of a file")
            .keys()
            .folder(".aws/config"),
        set_up("folder in the place of a file that is needed")
            .fails("hint: `~/.aws/config` is a ")
            .folder(".aws/config")
            .folder(".aws/credentials"),
        set_up("AWS_CONFIG_FILE")
            .variable("AWS_CONFIG_FILE", "{home}/other")
            .file("other", GOOD),
        set_up("AWS_CONFIG_FILE with a tilde")
            .variable("AWS_CONFIG_FILE", "~/other")
            .file("other", GOOD),
        set_up("AWS_CONFIG_FILE with a variable")
            .variable("AWS_CONFIG_FILE", "$HOME/other")
            .file("other", GOOD),
        set_up("AWS_CONFIG_FILE that does not exist")
            .variable("AWS_CONFIG_FILE", "{home}/nowhere")
            .config(GOOD),
        set_up("empty AWS_CONFIG_FILE")
            .variable("AWS_CONFIG_FILE", "")
            .config(GOOD),
        set_up("AWS_SHARED_CREDENTIALS_FILE")
            .variable("AWS_SHARED_CREDENTIALS_FILE", "{home}/other")
            .file("other", GOOD),
        set_up("device without an end")
            .keys()
            .variable("AWS_CONFIG_FILE", "/dev/zero"),
        set_up("null device")
            .keys()
            .variable("AWS_CONFIG_FILE", "/dev/null"),
    ]
}
