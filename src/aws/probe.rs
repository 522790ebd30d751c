//! The smoke test's calls: put a file, look for its item, remove both, read the handler's log.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Connection;
use crate::error::Result;

/// How many pages of a log are read, of up to 10,000 lines or 1 MB each (`FilterLogEvents`).
const LOG_PAGES: usize = 50;

/// A bucket and a table between which a file travels.
#[derive(Debug)]
pub struct Probe<'a> {
    connection: &'a Connection,
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    /// The account that owns the bucket.
    pub account: &'a str,
    /// The bucket's name.
    pub bucket: &'a str,
    /// The table's name.
    pub table: &'a str,
    /// The table's key attribute.
    pub attribute: &'a str,
    /// The object's key, which is also the item's.
    pub key: &'a str,
}

impl<'a> Probe<'a> {
    /// Returns a probe; nothing is sent yet.
    pub fn new(
        connection: &'a Connection,
        account: &'a str,
        [bucket, table]: [&'a str; 2],
        [attribute, key]: [&'a str; 2],
    ) -> Self {
        let (s3, dynamodb) = (connection.s3(), connection.dynamodb());
        Self {
            connection,
            s3,
            dynamodb,
            account,
            bucket,
            table,
            attribute,
            key,
        }
    }

    /// Uploads the file and returns its version, where the bucket keeps versions.
    pub async fn put(
        &self,
        content: Vec<u8>,
        content_type: Option<&str>,
    ) -> Result<Option<String>> {
        self.s3
            .put_object()
            .bucket(self.bucket)
            .key(self.key)
            .expected_bucket_owner(self.account)
            .set_content_type(content_type.map(str::to_owned))
            .body(ByteStream::from(content))
            .send()
            .await
            .map(|answer| answer.version_id)
            .map_err(|error| {
                self.connection
                    .fault(format!("upload the probe to `{}`", self.bucket), &error)
            })
    }

    /// Returns the file's item as JSON, once there is one.
    pub async fn item(&self) -> Result<Option<Value>> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(self.table)
            .key(self.attribute, AttributeValue::S(self.key.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| {
                self.connection
                    .fault(format!("read the table `{}`", self.table), &error)
            })?;
        Ok(answer.item.map(|item| {
            let mut members: Vec<_> = item.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let members = members
                .into_iter()
                .map(|(name, value)| (name.clone(), plain(value)));
            Value::Object(members.collect())
        }))
    }

    /// Deletes the object and the item. Both are tried, whatever becomes of the other.
    pub async fn remove(&self, version: Option<&str>) -> Result<()> {
        let object = self
            .s3
            .delete_object()
            .bucket(self.bucket)
            .key(self.key)
            .expected_bucket_owner(self.account)
            .set_version_id(version.map(str::to_owned))
            .send();
        let item = self
            .dynamodb
            .delete_item()
            .table_name(self.table)
            .key(self.attribute, AttributeValue::S(self.key.to_owned()))
            .send();
        let (object, item) = tokio::join!(object, item);
        object.map_err(|error| self.connection.fault("delete the probe's object", &error))?;
        item.map_err(|error| self.connection.fault("delete the probe's item", &error))?;
        Ok(())
    }

    /// Returns the last `count` lines that a log group got since a moment, oldest first.
    ///
    /// A page may be empty and others still follow (`FilterLogEvents`), so all of them are read; of
    /// very many the first.
    pub async fn log_tail(
        &self,
        group: &str,
        since: Timestamp,
        count: usize,
    ) -> Result<Vec<String>> {
        let request = self
            .connection
            .logs()
            .filter_log_events()
            .log_group_name(group)
            .start_time(since.as_millisecond());
        let mut pages = request.into_paginator().send();
        let mut tail = VecDeque::new();
        for _ in 0..LOG_PAGES {
            let Some(page) = pages.next().await else {
                break;
            };
            let page = page.map_err(|error| {
                self.connection
                    .fault(format!("read the log `{group}`"), &error)
            })?;
            let messages = page.events.unwrap_or_default().into_iter();
            for message in messages.filter_map(|event| event.message) {
                tail.push_back(message.trim_end().to_owned());
                if tail.len() > count {
                    tail.pop_front();
                }
            }
        }
        Ok(tail.into())
    }
}

/// Returns an attribute's value as plain JSON; numbers keep their digits.
fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(number) => {
            serde_json::from_str(number).unwrap_or_else(|_| Value::String(number.clone()))
        }
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::L(list) => Value::Array(list.iter().map(plain).collect()),
        AttributeValue::M(map) => {
            let members: Map<String, Value> = map
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect();
            Value::Object(members)
        }
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            Value::Array(texts.iter().cloned().map(Value::String).collect())
        }
        AttributeValue::Null(_) => Value::Null,
        other => Value::String(format!("{other:?}")),
    }
}
