//! The service and the operation of a request.
//!
//! One endpoint serves all services. The scope of the signature names the service and the region.
//! The operation is in the form (`Action`) or in a header (`X-Amz-Target`), or follows from method
//! and path.

use std::collections::BTreeMap;

use super::http::{Request, parse_form};

/// A request with its service and operation.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The signing name, such as `cloudformation` or `s3`; empty if the request is not signed.
    pub(crate) service: String,
    /// The region that the request was signed for.
    pub(crate) region: String,
    /// The operation, such as `DescribeStacks`.
    pub(crate) operation: String,
    /// The form's fields, the query's pairs, and for S3 `Bucket` and `Key`.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The request itself.
    pub(crate) request: Request,
}

impl Call {
    pub(super) fn new(request: Request) -> Self {
        let (service, region) = scope(request.header("authorization"));
        let mut parameters = request.query.clone();
        let target = request.header("x-amz-target").rsplit('.').next();
        let operation = if let Some(target) = target.filter(|target| !target.is_empty()) {
            target.to_owned()
        } else if service == "lambda" {
            lambda_operation(&request, &mut parameters)
        } else if service == "s3" {
            s3_operation(&request, &mut parameters)
        } else {
            parameters.extend(parse_form(&String::from_utf8_lossy(&request.body)));
            parameters.get("Action").cloned().unwrap_or_default()
        };
        Self {
            service,
            region,
            operation: if operation.is_empty() {
                format!("{} {}", request.method, request.path)
            } else {
                operation
            },
            parameters,
            request,
        }
    }

    /// Returns a parameter, or `""`.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Returns a header by its lower-case name, or `""`.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.header(name)
    }

    /// Returns the command of stackctl that made the call, as the sandbox names it in the user agent; `None`
    /// if another program did.
    pub(crate) fn command(&self) -> Option<&str> {
        let (_, name) = self.header("user-agent").split_once("app/")?;
        name.split(' ').next()
    }

    /// Returns a list such as `Capabilities.member.1`.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        (1..)
            .map_while(|number| {
                self.parameters
                    .get(&format!("{name}.member.{number}"))
                    .cloned()
            })
            .collect()
    }

    /// Returns the pairs of a list such as `Tags.member.1.Key` and `Tags.member.1.Value`.
    pub(crate) fn pairs(&self, list: &str, key: &str, value: &str) -> BTreeMap<String, String> {
        (1..)
            .map_while(|index| {
                let name = format!("{list}.member.{index}.");
                let key = self.parameters.get(&(name.clone() + key))?;
                Some((key.clone(), self.parameter(&(name + value)).to_owned()))
            })
            .collect()
    }
}

/// Returns service and region of `Credential=ID/DATE/REGION/SERVICE/aws4_request`.
fn scope(authorization: &str) -> (String, String) {
    let mut scope = authorization
        .split("Credential=")
        .nth(1)
        .and_then(|credential| credential.split(',').next())
        .unwrap_or_default()
        .split('/')
        .skip(2)
        .map(str::to_owned);
    let region = scope.next().unwrap_or_default();
    (scope.next().unwrap_or_default(), region)
}

fn lambda_operation(request: &Request, parameters: &mut BTreeMap<String, String>) -> String {
    let words: Vec<&str> = request.path.split('/').skip(2).collect();
    match words.as_slice() {
        ["functions"] => return "ListFunctions".to_owned(),
        ["layers"] => return "ListLayers".to_owned(),
        ["layers", _, "versions"] => return "ListLayerVersions".to_owned(),
        ["layers", _, "versions", _] => return "GetLayerVersion".to_owned(),
        _ => {}
    }
    let mut path = request.path.split('/').skip(3);
    let Some(name) = path.next() else {
        return String::new();
    };
    parameters.insert("FunctionName".to_owned(), name.to_owned());
    match (request.method.as_str(), path.next()) {
        ("GET", None) => "GetFunction".to_owned(),
        ("GET", Some("configuration")) => "GetFunctionConfiguration".to_owned(),
        ("PUT", Some("code")) => "UpdateFunctionCode".to_owned(),
        _ => String::new(),
    }
}

/// The sub-resources of a bucket that have an operation of their own for each method.
const BUCKET_SUBRESOURCES: [(&str, &str); 9] = [
    ("encryption", "BucketEncryption"),
    ("lifecycle", "BucketLifecycleConfiguration"),
    ("location", "BucketLocation"),
    ("notification", "BucketNotificationConfiguration"),
    ("ownershipControls", "BucketOwnershipControls"),
    ("policy", "BucketPolicy"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("tagging", "BucketTagging"),
    ("versioning", "BucketVersioning"),
];

fn s3_operation(request: &Request, parameters: &mut BTreeMap<String, String>) -> String {
    let path = request.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    parameters.insert("Bucket".to_owned(), bucket.to_owned());
    if !key.is_empty() {
        parameters.insert("Key".to_owned(), key.to_owned());
    }
    let method = request.method.as_str();
    let has = |name: &str| request.query.contains_key(name);
    let subresource = BUCKET_SUBRESOURCES.iter().find(|(query, _)| has(query));
    let operation = match (method, key.is_empty(), subresource) {
        _ if bucket.is_empty() => "ListBuckets",
        ("PUT", true, Some((_, name))) => return format!("Put{name}"),
        ("GET", true, Some((_, name))) => return format!("Get{name}"),
        ("DELETE", true, Some((_, name))) => return format!("Delete{name}"),
        ("PUT", true, None) => "CreateBucket",
        ("DELETE", true, None) => "DeleteBucket",
        ("HEAD", true, None) => "HeadBucket",
        ("GET", true, None) if has("versions") => "ListObjectVersions",
        ("GET", true, None) if has("uploads") => "ListMultipartUploads",
        ("GET", true, None) => "ListObjectsV2",
        ("POST", true, None) if has("delete") => "DeleteObjects",
        ("PUT", false, _) => "PutObject",
        ("GET", false, _) => "GetObject",
        ("HEAD", false, _) => "HeadObject",
        ("DELETE", false, _) => "DeleteObject",
        ("POST", false, _) if has("uploads") => "CreateMultipartUpload",
        _ => "",
    };
    operation.to_owned()
}
