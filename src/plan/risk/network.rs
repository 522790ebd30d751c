//! Security group rules that allow new traffic.
//!
//! A rule is new if no rule before the change, of the same group and direction, covers it. A narrower
//! address range or a part of a port range is not new.

use std::fmt;
use std::net::IpAddr;

use super::{Kind, Risk, Severity, Subject};
use crate::template::diff::RULE_PEERS;
use crate::template::node::Node;
use crate::template::shorthand::text;

/// Ports that are commonly open to everyone.
const WEB: [&str; 2] = ["80", "443"];

/// One rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The group, as a reference or an id.
    pub group: String,
    /// Whether the rule is for inbound traffic; `false` for outbound.
    pub is_ingress: bool,
    /// The protocol: `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    /// The lowest and the highest port, as text because they may be functions; `None` for all.
    pub ports: Option<(String, String)>,
    /// The source or destination: an address range, a group or a prefix list.
    pub peer: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol.as_str() {
            "-1" => f.write_str("all traffic")?,
            protocol => f.write_str(protocol)?,
        }
        match &self.ports {
            Some((from, to)) if from == to => write!(f, " {from}")?,
            Some((from, to)) => write!(f, " {from}-{to}")?,
            None => {}
        }
        let direction = if self.is_ingress { "from" } else { "to" };
        write!(f, " {direction} {}", self.peer)
    }
}

/// Returns the rules of a resource before and after.
pub fn rules(logical_id: &str, resource_type: &str, sides: [Option<&Node>; 2]) -> [Vec<Rule>; 2] {
    sides.map(|side| {
        side.and_then(|side| side.get("Properties"))
            .map(|properties| of_properties(logical_id, resource_type, properties))
            .unwrap_or_default()
    })
}

fn of_properties(logical_id: &str, resource_type: &str, properties: &Node) -> Vec<Rule> {
    match resource_type {
        "AWS::EC2::SecurityGroup" => {
            let group = format!("${{{logical_id}.GroupId}}");
            let lists = [
                ("SecurityGroupIngress", true),
                ("SecurityGroupEgress", false),
            ];
            lists
                .iter()
                .flat_map(|(property, is_ingress)| {
                    let list = properties.get(property).map(Node::elements);
                    let list = list.unwrap_or_default().iter();
                    list.map(|node| rule(node, &group, *is_ingress))
                })
                .collect()
        }
        "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
            let group = properties
                .get("GroupId")
                .or_else(|| properties.get("GroupName"))
                .map(text)
                .unwrap_or_default();
            vec![rule(properties, &group, resource_type.ends_with("Ingress"))]
        }
        _ => Vec::new(),
    }
}

fn rule(node: &Node, group: &str, is_ingress: bool) -> Rule {
    let member = |name: &str| node.get(name).map(text);
    let protocol = member("IpProtocol").unwrap_or_else(|| "-1".to_owned());
    let ports = (protocol != "-1")
        .then(|| Some((member("FromPort")?, member("ToPort")?)))
        .flatten();
    let mut peers = RULE_PEERS.iter().chain(&["Ref"]);
    let peer = peers.find_map(|name| member(name));
    Rule {
        group: group.to_owned(),
        is_ingress,
        protocol,
        ports: ports.filter(|(from, _)| from != "-1"),
        // The rule may be a function as a whole.
        peer: peer.unwrap_or_else(|| text(node)),
    }
}

impl Rule {
    /// Returns whether this rule allows all traffic that `other` allows.
    pub fn covers(&self, other: &Self) -> bool {
        let ports = match (&self.ports, &other.ports) {
            (None, _) => true,
            (Some(own), Some(other)) => own == other || contains_ports(own, other),
            (Some(_), None) => false,
        };
        self.group == other.group
            && self.is_ingress == other.is_ingress
            && (self.protocol == "-1" || self.protocol == other.protocol)
            && ports
            && (self.peer == other.peer || contains_addresses(&self.peer, &other.peer))
    }

    /// Returns whether the peer is every address.
    fn is_any_address(&self) -> bool {
        self.peer
            .split_once('/')
            .is_some_and(|(address, prefix)| address.parse::<IpAddr>().is_ok() && prefix == "0")
    }
}

fn contains_ports((from, to): &(String, String), other: &(String, String)) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let bounds = [from, to, &other.0, &other.1].map(|text| number(text));
    matches!(bounds, [Some(from), Some(to), Some(low), Some(high)] if from <= low && high <= to)
}

/// Returns whether the first address range contains the second; `false` if one is not a range.
fn contains_addresses(outer: &str, inner: &str) -> bool {
    let range = |text: &str| -> Option<(IpAddr, u32)> {
        let (address, prefix) = text.split_once('/')?;
        Some((address.parse().ok()?, prefix.parse().ok()?))
    };
    let (Some(outer), Some(inner)) = (range(outer), range(inner)) else {
        return false;
    };
    let (outer_bits, inner_bits, width) = match (outer.0, inner.0) {
        (IpAddr::V4(outer), IpAddr::V4(inner)) => {
            (u128::from(outer.to_bits()), u128::from(inner.to_bits()), 32)
        }
        (IpAddr::V6(outer), IpAddr::V6(inner)) => (outer.to_bits(), inner.to_bits(), 128),
        _ => return false,
    };
    if outer.1 > inner.1 || inner.1 > width {
        return false;
    }
    // A shift by the whole width would overflow. A prefix of 0 contains every address.
    outer.1 == 0 || (outer_bits ^ inner_bits).checked_shr(width - outer.1) == Some(0)
}

/// Returns a risk for each rule that is new, over all security groups of the stack.
pub(super) fn risks(subjects: &[Subject<'_>]) -> Vec<Risk> {
    let mut earlier = Vec::new();
    let mut later = Vec::new();
    for subject in subjects {
        let model = subject.model;
        let sides = [model.before.as_ref(), model.after.as_ref()];
        let [before, after] = rules(&subject.change.logical_id, subject.resource_type(), sides);
        earlier.extend(before);
        later.extend(after.into_iter().map(|rule| (subject, rule)));
    }
    later
        .into_iter()
        .filter(|(_, rule)| !earlier.iter().any(|old: &Rule| old.covers(rule)))
        .map(|(subject, rule)| {
            let is_web = rule
                .ports
                .as_ref()
                .is_some_and(|(from, to)| from == to && WEB.contains(&from.as_str()));
            let severity = match (rule.is_ingress, rule.is_any_address()) {
                (true, true) if is_web => Severity::Warning,
                (true, true) => Severity::Danger,
                (true, false) if !subject.is_new() => Severity::Warning,
                _ => Severity::Note,
            };
            let verb = if rule.is_ingress {
                "allows inbound"
            } else {
                "allows outbound"
            };
            let everyone = if rule.is_any_address() {
                ", which is everyone"
            } else {
                ""
            };
            let widened = earlier
                .iter()
                .find(|old| rule.covers(old))
                .map(|old| format!(" (was: {old})"))
                .unwrap_or_default();
            let reason = format!("{verb} {rule}{everyone}{widened}");
            let risk = subject.risk(Kind::Port, severity, reason);
            if severity == Severity::Danger {
                risk.remedy("allow only the address range that needs access")
            } else {
                risk
            }
        })
        .collect()
}
