//! The properties that may name a local file or folder, as data.
//!
//! The table is the union of what `aws cloudformation package` (AWS CLI 1.45) and `sam package` (AWS
//! SAM CLI 1.170) upload.

/// What a local path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Code: a folder or a lone file becomes a zip; a zip is uploaded as it is.
    Code,
    /// A file that is uploaded as it is; a folder becomes a zip.
    File,
    /// A file that CloudFormation reads while it creates a change set.
    Include,
    /// A nested template, which may have local paths itself.
    Template,
    /// The template of a stack set. Its targets cannot read this account's bucket through a path of
    /// ours, so it is uploaded as it is.
    StackSetTemplate,
}

/// How a property refers to an object in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{Bucket, Key}`. Also of the properties of AWS SAM that accept an `s3://` URL: in the place of
    /// the text, its transform refuses a function.
    BucketKey,
    /// `{S3Bucket, S3Key}`.
    S3BucketS3Key,
    /// `s3://BUCKET/KEY`, which may be a function.
    Url,
    /// `s3://BUCKET/KEY` as a plain text: the transform accepts no function.
    PlainUrl,
    /// An `https` URL, which may be a function.
    Https,
    /// An `https` URL of `AWS::Serverless::Application`. Its transform accepts no function there, so the
    /// resource is written as the nested stack that the transform makes of it.
    Application,
}

/// A property that may name a local file or folder.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The resource types.
    pub types: &'static [&'static str],
    /// The path of the property below `Properties`; `*` matches every key.
    pub property: &'static [&'static str],
    /// How the property refers to S3.
    pub shape: Shape,
    /// What the path stands for.
    pub content: Content,
}

const fn row(
    types: &'static [&'static str],
    property: &'static [&'static str],
    shape: Shape,
    content: Content,
) -> Row {
    Row {
        types,
        property,
        shape,
        content,
    }
}

const SAM_FUNCTIONS: &[&str] = &["AWS::Serverless::Function", "AWS::Serverless::WebFunction"];
const RESOLVERS: &[&str] = &[
    "AWS::AppSync::Resolver",
    "AWS::AppSync::FunctionConfiguration",
];

/// The properties of resources.
pub const ROWS: &[Row] = &[
    row(SAM_FUNCTIONS, &["CodeUri"], Shape::BucketKey, Content::Code),
    row(
        &["AWS::Serverless::LayerVersion"],
        &["ContentUri"],
        Shape::BucketKey,
        Content::Code,
    ),
    row(
        &[
            "AWS::Serverless::Api",
            "AWS::Serverless::HttpApi",
            "AWS::Serverless::StateMachine",
        ],
        &["DefinitionUri"],
        Shape::BucketKey,
        Content::File,
    ),
    row(
        &["AWS::Serverless::GraphQLApi"],
        &["SchemaUri"],
        Shape::PlainUrl,
        Content::File,
    ),
    row(
        &["AWS::Serverless::GraphQLApi"],
        &["Functions", "*", "CodeUri"],
        Shape::Url,
        Content::File,
    ),
    row(
        &["AWS::Serverless::GraphQLApi"],
        &["Resolvers", "*", "*", "CodeUri"],
        Shape::Url,
        Content::File,
    ),
    row(
        &["AWS::Serverless::Application"],
        &["Location"],
        Shape::Application,
        Content::Template,
    ),
    row(
        &["AWS::CloudFormation::Stack"],
        &["TemplateURL"],
        Shape::Https,
        Content::Template,
    ),
    row(
        &["AWS::CloudFormation::StackSet"],
        &["TemplateURL"],
        Shape::Https,
        Content::StackSetTemplate,
    ),
    row(
        &["AWS::CloudFormation::ModuleVersion"],
        &["ModulePackage"],
        Shape::Url,
        Content::File,
    ),
    row(
        &["AWS::CloudFormation::ResourceVersion"],
        &["SchemaHandlerPackage"],
        Shape::Url,
        Content::File,
    ),
    row(
        &["AWS::Lambda::Function"],
        &["Code"],
        Shape::S3BucketS3Key,
        Content::Code,
    ),
    row(
        &["AWS::Lambda::LayerVersion"],
        &["Content"],
        Shape::S3BucketS3Key,
        Content::Code,
    ),
    row(
        &["AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"],
        &["BodyS3Location"],
        Shape::BucketKey,
        Content::File,
    ),
    row(
        &["AWS::StepFunctions::StateMachine"],
        &["DefinitionS3Location"],
        Shape::BucketKey,
        Content::File,
    ),
    row(
        &["AWS::AppSync::GraphQLSchema"],
        &["DefinitionS3Location"],
        Shape::Url,
        Content::File,
    ),
    row(
        RESOLVERS,
        &["RequestMappingTemplateS3Location"],
        Shape::Url,
        Content::File,
    ),
    row(
        RESOLVERS,
        &["ResponseMappingTemplateS3Location"],
        Shape::Url,
        Content::File,
    ),
    row(RESOLVERS, &["CodeS3Location"], Shape::Url, Content::File),
    row(
        &["AWS::ElasticBeanstalk::ApplicationVersion"],
        &["SourceBundle"],
        Shape::S3BucketS3Key,
        Content::File,
    ),
    row(
        &["AWS::Glue::Job"],
        &["Command", "ScriptLocation"],
        Shape::Url,
        Content::File,
    ),
    row(
        &["AWS::CodeCommit::Repository"],
        &["Code", "S3"],
        Shape::BucketKey,
        Content::Code,
    ),
];

/// `Globals.Function.CodeUri`, which the transform gives to each function without its own.
pub const GLOBAL_CODE: Row = row(
    &[],
    &["Globals", "Function", "CodeUri"],
    Shape::BucketKey,
    Content::Code,
);

/// What a template says of itself to the AWS Serverless Application Repository.
pub const REPOSITORY: [Row; 2] = [
    row(
        &[],
        &["Metadata", "AWS::ServerlessRepo::Application", "LicenseUrl"],
        Shape::Url,
        Content::File,
    ),
    row(
        &[],
        &["Metadata", "AWS::ServerlessRepo::Application", "ReadmeUrl"],
        Shape::Url,
        Content::File,
    ),
];

/// The file of an `AWS::Include`, which may stand anywhere.
pub const INCLUDE: Row = row(
    &[],
    &["Parameters", "Location"],
    Shape::Url,
    Content::Include,
);

/// The properties that name a container image, with their resource types.
pub const IMAGES: [(&str, &[&str]); 2] = [
    ("AWS::Serverless::Function", &["ImageUri"]),
    ("AWS::Lambda::Function", &["Code", "ImageUri"]),
];
