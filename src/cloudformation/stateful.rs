//! The resource types that store data.

/// The types that store data, with the data that is lost if a resource is deleted.
const STATEFUL: [(&str, &str); 38] = [
    ("AWS::Backup::BackupVault", "its recovery points"),
    ("AWS::Cassandra::Table", "its rows"),
    ("AWS::CloudTrail::EventDataStore", "its events"),
    ("AWS::Cognito::UserPool", "its users"),
    ("AWS::DAX::Cluster", "its cache"),
    ("AWS::DocDB::DBCluster", "its documents"),
    ("AWS::DocDB::DBInstance", "an instance of the cluster"),
    ("AWS::DynamoDB::GlobalTable", "its items in every region"),
    ("AWS::DynamoDB::Table", "its items"),
    ("AWS::EC2::Volume", "its blocks"),
    ("AWS::ECR::Repository", "its images"),
    ("AWS::EFS::FileSystem", "its files"),
    ("AWS::ElastiCache::CacheCluster", "its cache"),
    ("AWS::ElastiCache::ReplicationGroup", "its cache"),
    ("AWS::ElastiCache::ServerlessCache", "its cache"),
    ("AWS::Elasticsearch::Domain", "its indices"),
    ("AWS::FSx::FileSystem", "its files"),
    ("AWS::KMS::Key", "the key and all data that it encrypts"),
    ("AWS::Kinesis::Stream", "its records"),
    ("AWS::Logs::LogGroup", "its log events"),
    ("AWS::MSK::Cluster", "its topics"),
    ("AWS::MemoryDB::Cluster", "its keys"),
    ("AWS::Neptune::DBCluster", "its graph"),
    ("AWS::Neptune::DBInstance", "an instance of the cluster"),
    ("AWS::OpenSearchServerless::Collection", "its indices"),
    ("AWS::OpenSearchService::Domain", "its indices"),
    ("AWS::QLDB::Ledger", "its journal"),
    ("AWS::RDS::DBCluster", "its databases"),
    ("AWS::RDS::DBInstance", "its databases"),
    ("AWS::Redshift::Cluster", "its databases"),
    ("AWS::RedshiftServerless::Namespace", "its databases"),
    ("AWS::S3::Bucket", "its objects"),
    ("AWS::S3Express::DirectoryBucket", "its objects"),
    ("AWS::SDB::Domain", "its items"),
    ("AWS::SQS::Queue", "its waiting messages"),
    ("AWS::SecretsManager::Secret", "its secret"),
    ("AWS::Timestream::Database", "its tables"),
    ("AWS::Timestream::Table", "its records"),
];

/// Returns the data that is lost with a resource of this type, such as `its objects`; `None` if the
/// type stores no data. `protected_types` are further types from the manifest, which may end with `*`.
pub fn stored_data(resource_type: &str, protected_types: &[String]) -> Option<&'static str> {
    let known = STATEFUL.iter().find(|(known, _)| *known == resource_type);
    let is_protected = |pattern: &String| match pattern.strip_suffix('*') {
        Some(prefix) => resource_type.starts_with(prefix),
        None => resource_type == pattern,
    };
    known.map(|(_, lost)| *lost).or_else(|| {
        protected_types
            .iter()
            .any(is_protected)
            .then_some("its data")
    })
}
