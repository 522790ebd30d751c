//! The actions of AWS's service reference that no request of stackctl needs.
//!
//! The reference names every action that an operation *may* need. Which of them a request needs depends on what it asks
//! for.

/// An action of the service reference that no request of stackctl needs.
#[derive(Debug, Clone, Copy)]
pub struct Unneeded {
    /// The operation.
    pub operation: &'static str,
    /// The action.
    pub action: &'static str,
    /// Why it is not needed.
    pub reason: &'static str,
}

const fn unneeded(operation: &'static str, action: &'static str, reason: &'static str) -> Unneeded {
    Unneeded {
        operation,
        action,
        reason,
    }
}

/// The actions that are not needed.
pub const UNNEEDED: [Unneeded; 33] = [
    unneeded(
        "GetCallerIdentity",
        "sts:GetCallerIdentity",
        "every caller may ask it",
    ),
    unneeded("AssumeRole", "sts:SetContext", "no context is sent"),
    unneeded(
        "AssumeRole",
        "sts:SetSourceIdentity",
        "no source identity is sent",
    ),
    unneeded("AssumeRole", "sts:TagSession", "no session tags are sent"),
    unneeded(
        "DescribeStacks",
        "cloudformation:ListStacks",
        "a stack is named, or `ListStacks` is called too",
    ),
    unneeded(
        "UpdateStack",
        "cloudformation:SetStackPolicy",
        "no stack policy is sent with it",
    ),
    unneeded(
        "UpdateStack",
        "cloudformation:TagResource",
        "no tags are changed with it",
    ),
    unneeded(
        "UpdateStack",
        "cloudformation:UntagResource",
        "no tags are changed with it",
    ),
    unneeded("CreateBucket", "s3:PutBucketAcl", "no ACL is sent"),
    unneeded(
        "CreateBucket",
        "s3:PutBucketObjectLockConfiguration",
        "no object lock is sent",
    ),
    unneeded(
        "CreateBucket",
        "s3:PutBucketOwnershipControls",
        "no ownership is sent",
    ),
    unneeded(
        "CreateBucket",
        "s3:PutBucketVersioning",
        "needed with object lock",
    ),
    unneeded(
        "DeleteObject",
        "s3:BypassGovernanceRetention",
        "no retention is bypassed",
    ),
    unneeded(
        "DeleteObject",
        "s3-object-lambda:DeleteObject",
        "access points are not used",
    ),
    unneeded(
        "DeleteObjects",
        "s3:BypassGovernanceRetention",
        "no retention is bypassed",
    ),
    unneeded(
        "GetObject",
        "s3:GetObjectLegalHold",
        "only adds to the answer",
    ),
    unneeded(
        "GetObject",
        "s3:GetObjectRetention",
        "only adds to the answer",
    ),
    unneeded(
        "GetObject",
        "s3:GetObjectTagging",
        "only adds to the answer",
    ),
    unneeded(
        "GetObject",
        "s3-object-lambda:GetObject",
        "access points are not used",
    ),
    unneeded(
        "HeadObject",
        "s3:GetObjectLegalHold",
        "only adds to the answer",
    ),
    unneeded(
        "HeadObject",
        "s3:GetObjectRetention",
        "only adds to the answer",
    ),
    unneeded(
        "HeadObject",
        "s3-object-lambda:GetObject",
        "access points are not used",
    ),
    unneeded("ListObjectsV2", "s3:GetObjectAcl", "no ACL is asked for"),
    unneeded(
        "ListObjectsV2",
        "s3-object-lambda:ListBucket",
        "access points are not used",
    ),
    unneeded("PutObject", "s3:PutObjectAcl", "no ACL is sent"),
    unneeded(
        "PutObject",
        "s3:PutObjectLegalHold",
        "no legal hold is sent",
    ),
    unneeded("PutObject", "s3:PutObjectRetention", "no retention is sent"),
    unneeded("PutObject", "s3:PutObjectTagging", "no tags are sent"),
    unneeded(
        "PutObject",
        "s3-object-lambda:PutObject",
        "access points are not used",
    ),
    unneeded(
        "GetFunction",
        "lambda:ListTags",
        "only adds the tags to the answer",
    ),
    unneeded("FilterLogEvents", "logs:Unmask", "masked data stays masked"),
    unneeded(
        "GetItem",
        "dynamodb:ReadDataForReplication",
        "needed by replicas in other accounts",
    ),
    unneeded(
        "DeleteItem",
        "dynamodb:WriteDataForReplication",
        "needed by replicas in other accounts",
    ),
];
