//! The smoke test's calls: put a file, look for its item, remove both.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Connection;
use super::json_call::{DYNAMODB, JsonClient, Request};
use crate::error::Result;

/// A bucket and a table between which a file travels.
#[derive(Debug)]
pub struct Probe<'a> {
    connection: &'a Connection,
    s3: aws_sdk_s3::Client,
    dynamodb: JsonClient,
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
        let (s3, dynamodb) = (connection.s3(), connection.json(DYNAMODB));
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

    /// Uploads the file and returns its version, if the bucket is versioned.
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

    /// Returns the file's item as JSON, or `None` if it does not exist yet.
    pub async fn item(&self) -> Result<Option<Value>> {
        let input = json!({
            "TableName": self.table,
            "Key": self.item_key(),
            "ConsistentRead": true,
        });
        let request = Request::json("1.0", "DynamoDB_20120810.GetItem", &input);
        let answer: Item = self.dynamodb.send(request).await.map_err(|error| {
            self.connection
                .fault(format!("read the table `{}`", self.table), &error)
        })?;
        Ok(answer.item.map(|item| {
            let members = item.into_iter();
            Value::Object(members.map(|(name, value)| (name, plain(value))).collect())
        }))
    }

    /// Returns the key of the file's item, in DynamoDB's JSON.
    fn item_key(&self) -> Value {
        json!({ self.attribute: { "S": self.key } })
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
        let input = json!({ "TableName": self.table, "Key": self.item_key() });
        let request = Request::json("1.0", "DynamoDB_20120810.DeleteItem", &input);
        let item = self.dynamodb.send::<Value>(request);
        let (object, item) = tokio::join!(object, item);
        object.map_err(|error| self.connection.fault("delete the probe's object", &error))?;
        item.map_err(|error| self.connection.fault("delete the probe's item", &error))?;
        Ok(())
    }
}

/// The answer to `GetItem`.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "Item")]
    item: Option<BTreeMap<String, Value>>,
}

/// Returns an attribute's value, which is in DynamoDB's JSON, as plain JSON; numbers keep their digits
/// and binary values stay in Base64.
fn plain(value: Value) -> Value {
    let Value::Object(typed) = value else {
        return value;
    };
    let Some((kind, value)) = typed.into_iter().next() else {
        return Value::Null;
    };
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => {
            serde_json::from_str(&number).unwrap_or(Value::String(number))
        }
        ("L", Value::Array(list)) => Value::Array(list.into_iter().map(plain).collect()),
        ("M", Value::Object(map)) => {
            let members = map.into_iter().map(|(name, value)| (name, plain(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        ("NULL", _) => Value::Null,
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::plain;

    #[test]
    fn an_attributes_value_becomes_plain_json() {
        let cases = [
            (json!({ "S": "a" }), json!("a")),
            (json!({ "N": "10" }), json!(10)),
            (json!({ "N": "1.5" }), json!(1.5)),
            (json!({ "BOOL": false }), json!(false)),
            (json!({ "NULL": true }), json!(null)),
            (json!({ "B": "YQ==" }), json!("YQ==")),
            (json!({ "SS": ["a", "b"] }), json!(["a", "b"])),
            (json!({ "NS": ["1", "2"] }), json!(["1", "2"])),
            (
                json!({ "L": [{ "N": "1" }, { "S": "a" }] }),
                json!([1, "a"]),
            ),
            (
                json!({ "M": { "b": { "S": "x" }, "a": { "M": {} } } }),
                json!({ "b": "x", "a": {} }),
            ),
        ];
        for (typed, expected) in cases {
            assert_eq!(plain(typed.clone()), expected, "{typed}");
        }
    }
}
