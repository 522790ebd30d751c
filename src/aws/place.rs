//! The ARNs of resources in an account and a region.

/// An account and a region. Each part may be `*`, for a policy that names it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition, such as `aws`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
}

impl Place {
    /// Returns an ARN with the region and the account.
    pub fn regional(&self, service: &str, rest: &str) -> String {
        let Self {
            partition,
            region,
            account,
        } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{rest}")
    }

    /// Returns the ARNs of the stacks of a name.
    pub fn stack(&self, name: &str) -> String {
        self.regional("cloudformation", &format!("stack/{name}/*"))
    }

    /// Returns the ARNs of the stack sets of a name.
    pub fn stack_set(&self, name: &str) -> String {
        self.regional("cloudformation", &format!("stackset/{name}:*"))
    }

    /// Returns the ARN of a bucket.
    pub fn bucket(&self, name: &str) -> String {
        format!("arn:{}:s3:::{name}", self.partition)
    }

    /// Returns the ARN of a role, by its name or its ARN.
    pub fn role(&self, role: &str) -> String {
        if role.starts_with("arn:") {
            return role.to_owned();
        }
        format!("arn:{}:iam::{}:role/{role}", self.partition, self.account)
    }

    /// Returns the ARN of a function.
    pub fn function(&self, name: &str) -> String {
        self.regional("lambda", &format!("function:{name}"))
    }

    /// Returns the ARNs of the streams of a log group.
    pub fn log_group(&self, name: &str) -> String {
        self.regional("logs", &format!("log-group:{name}:*"))
    }

    /// Returns the ARN of a table of DynamoDB.
    pub fn table(&self, name: &str) -> String {
        self.regional("dynamodb", &format!("table/{name}"))
    }

    /// Returns the ARN of an SSM parameter, by its name or its ARN. AWS's own parameters have no account.
    pub fn parameter(&self, id: &str) -> String {
        if id.starts_with("arn:") {
            return id.to_owned();
        }
        // A version or a label is not part of the name.
        let name = id.split(':').next().unwrap_or(id);
        if name.starts_with("/aws/service/") {
            return format!(
                "arn:{}:ssm:{}::parameter{name}",
                self.partition, self.region
            );
        }
        self.regional(
            "ssm",
            &format!("parameter/{}", name.trim_start_matches('/')),
        )
    }

    /// Returns the ARNs that a secret may have, by its name or its ARN.
    pub fn secret(&self, id: &str) -> String {
        if id.starts_with("arn:") {
            return id.to_owned();
        }
        // A secret's ARN ends with six characters that its name does not tell.
        self.regional("secretsmanager", &format!("secret:{id}-??????"))
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_parameter_or_secret_is_named_or_is_an_arn() {
        let place = Place {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
        };
        for (id, arn) in [
            (
                "/db/name:3",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/db/name",
            ),
            ("name", "arn:aws:ssm:eu-west-1:123456789012:parameter/name"),
            (
                "/aws/service/ami",
                "arn:aws:ssm:eu-west-1::parameter/aws/service/ami",
            ),
            ("arn:aws:ssm:x:y:parameter/z", "arn:aws:ssm:x:y:parameter/z"),
        ] {
            assert_eq!(place.parameter(id), arn);
        }
        assert_eq!(
            place.secret("db"),
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-??????"
        );
    }
}
