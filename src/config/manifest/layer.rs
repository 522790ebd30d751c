//! One layer: the top level, an environment's table, or what variables and flags set.
//!
//! [`read_layer`] checks each key by the table of keys, and then the rule about networks that are open to
//! the world, which involves several keys.

use ipnet::IpNet;

use super::checks;
use super::keys::KEYS;
use super::node::{Node, Table, Value};
use super::reader::{Reader, Scope};
use crate::diagnostic::Diagnostic;

/// Returns the correct values of a layer, and the errors in the others. `path` is the path of the table
/// that contains the layer, for messages.
pub(crate) fn read_layer(
    table: &Table,
    scope: Scope,
    path: &[&str],
) -> (toml::Table, Vec<Diagnostic>) {
    let mut reader = Reader::new(scope, path);
    let values = reader.keys(table, KEYS);
    // SSH is open to everyone only if the same layer allows it.
    if !scope.is_override()
        && values.get("allow_world_ssh") != Some(&toml::Value::Boolean(true))
        && let Some(entry) = table.get("allowed_ssh_cidr")
        && let Some(network) = checks::world(&right_networks(&entry.node))
    {
        reader.push(world_ssh(network, &entry.node));
    }
    (values, reader.into_found())
}

/// Returns the error for an `allowed_ssh_cidr` that opens SSH to everyone.
fn world_ssh(network: IpNet, cidrs: &Node) -> Diagnostic {
    Diagnostic::error(
        "world-ssh",
        format!("`{network}` opens SSH to the world"),
        world_node(network, cidrs)
            .origin
            .place("far more than your own network"),
    )
    .help("name your own address or network, such as `203.0.113.7/32`")
    .help("if everyone really is meant, write `allow_world_ssh = true` beside it")
}

/// Returns the networks of `allowed_ssh_cidr` that are written as they must be, also beside wrong ones.
fn right_networks(cidrs: &Node) -> Vec<IpNet> {
    let items = match &cidrs.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(cidrs),
    };
    items
        .iter()
        .filter_map(|item| checks::cidr(&item.scalar()?).ok())
        .collect()
}

/// Returns the one item that is this network, where there is one.
fn world_node(network: IpNet, cidrs: &Node) -> &Node {
    let Value::List(items) = &cidrs.value else {
        return cidrs;
    };
    items
        .iter()
        .find(|item| {
            item.scalar()
                .is_some_and(|text| text.parse() == Ok(network))
        })
        .unwrap_or(cidrs)
}
