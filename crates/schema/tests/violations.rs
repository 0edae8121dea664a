//! What people read when a resource is wrong, word for word.

use schema::validate;
use serde_json::{Value, json};

fn check(cases: Vec<(&str, Value, &[&str])>) {
    let mut wrong = Vec::new();
    for (type_name, properties, expected) in cases {
        let found: Vec<String> = validate(type_name, &properties).iter().map(ToString::to_string).collect();
        if found != expected {
            wrong.push(format!("{type_name} {properties}\n  found    {found:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_and_what_is_missing() {
    check(vec![
        ("AWS::EC2::VPC", json!({}), &["one of `CidrBlock` or `Ipv4IpamPoolId` is required"]),
        (
            "AWS::EC2::VPC",
            json!({"CidrBlock": "10.0.0.0/16", "EnableDnsHostname": true, "Colour": "red"}),
            &[
                "EnableDnsHostname: AWS::EC2::VPC has no property `EnableDnsHostname` (did you mean `EnableDnsHostnames`?)",
                "Colour: AWS::EC2::VPC has no property `Colour` (there are `CidrBlock`, `EnableDnsHostnames`, `EnableDnsSupport`, `InstanceTenancy`, `Ipv4IpamPoolId`, `Ipv4NetmaskLength`, `Tags` and `VpcEncryptionControl`)",
            ],
        ),
        (
            "AWS::EC2::VPC",
            json!({"CidrBlock": "10.0.0.0/16", "VpcId": "vpc-1"}),
            &["VpcId: `VpcId` is set by AWS and cannot be given (read it with Fn::GetAtt)"],
        ),
        (
            "AWS::EC2::Subnet",
            json!({"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az1"}),
            &["`VpcId` is required", "`AvailabilityZone` and `AvailabilityZoneId` cannot be given together"],
        ),
        (
            "AWS::EC2::Subnet",
            json!({"VpcId": {"Ref": "AWS::NoValue"}, "Ipv4IpamPoolId": "ipam-1"}),
            &["`VpcId` is required", "with `Ipv4IpamPoolId`, `Ipv4NetmaskLength` is required"],
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            json!({"Subnets": ["subnet-0a1b2c3d"], "SubnetMappings": [{"SubnetId": {"Ref": "A"}}]}),
            &["only one of `Subnets` or `SubnetMappings` may be given, and `Subnets` and `SubnetMappings` are"],
        ),
        (
            "AWS::IAM::Role",
            json!({"Policies": [{"PolicyName": "a"}, {"PolicyDocument": {}}]}),
            &[
                "Policies[0]: `PolicyDocument` is required",
                "Policies[1]: `PolicyName` is required",
                "`AssumeRolePolicyDocument` is required",
            ],
        ),
        (
            "AWS::Events::Rule",
            json!({"Name": "r"}),
            &["at least one of `EventPattern` or `ScheduleExpression` is required"],
        ),
        (
            "AWS::Route53::RecordSet",
            json!({"Name": "a.example.com", "Type": "A", "HostedZoneId": "Z1",
            "GeoLocation": {"SubdivisionCode": "NY"}}),
            &["GeoLocation: one of these is required: `ContinentCode`; `CountryCode`"],
        ),
        (
            "AWS::CloudFront::Distribution",
            json!({"DistributionConfig": {"Enabled": true, "origins": [],
            "DefaultCacheBehavior": {"TargetOriginId": "web"}}}),
            &[
                "DistributionConfig.origins: `DistributionConfig` has no property `origins` (did you mean `Origins`?)",
                "DistributionConfig.DefaultCacheBehavior: `ViewerProtocolPolicy` is required",
            ],
        ),
    ]);
}

#[test]
fn values_of_the_wrong_kind() {
    check(vec![
        ("AWS::EC2::VPC", json!({"CidrBlock": ["10.0.0.0/16"]}), &["CidrBlock: a list stands where text is needed"]),
        (
            "AWS::EC2::VPC",
            json!({"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": "yes"}),
            &["EnableDnsSupport: `yes` is not true or false"],
        ),
        (
            "AWS::EC2::VPC",
            json!({"CidrBlock": null}),
            &["CidrBlock: null is not a value (leave the property out instead)"],
        ),
        ("AWS::EC2::VPC", json!("10.0.0.0/16"), &["the properties are not an object"]),
        ("AWS::ECS::Service", json!({"DesiredCount": "two"}), &["DesiredCount: `two` is not a whole number"]),
        ("AWS::ECS::Service", json!({"DesiredCount": 1.5}), &["DesiredCount: `1.5` is not a whole number"]),
        (
            "AWS::ECS::TaskDefinition",
            json!({"RequiresCompatibilities": "FARGATE"}),
            &["RequiresCompatibilities: `FARGATE` is not a list (write `[\"FARGATE\"]`)"],
        ),
        (
            "AWS::S3::Bucket",
            json!({"VersioningConfiguration": "Enabled"}),
            &["VersioningConfiguration: `Enabled` is not an object"],
        ),
        (
            "AWS::SSM::Parameter",
            json!({"Type": "String", "Value": {"a": 1}, "Tags": [{"Key": "a", "Value": "b"}]}),
            &["Value: an object stands where text is needed", "Tags: a list stands where an object is needed"],
        ),
    ]);
}

#[test]
fn values_that_are_not_allowed() {
    check(vec![
        (
            "AWS::EC2::Subnet",
            json!({"VpcId": "vpc-main", "CidrBlock": "10.0.1.0"}),
            &[
                "VpcId: `vpc-main` is not the id of a VPC, such as `vpc-0a1b2c3d4e5f60718`",
                "CidrBlock: `10.0.1.0` is not an IPv4 network such as `10.0.0.0/16`",
            ],
        ),
        (
            "AWS::S3::Bucket",
            json!({"VersioningConfiguration": {"Status": "enable"}}),
            &[
                "VersioningConfiguration.Status: `enable` is not one of `Enabled` or `Suspended` (did you mean `Enabled`?)",
            ],
        ),
        (
            "AWS::S3::Bucket",
            json!({"BucketName": "My_Bucket"}),
            &["BucketName: `My_Bucket` does not have the form `^([a-z0-9][a-z0-9.-]*[a-z0-9])?$`"],
        ),
        (
            "AWS::IAM::Role",
            json!({"AssumeRolePolicyDocument": {}, "RoleName": "r".repeat(65), "MaxSessionDuration": 60}),
            &[
                "RoleName: `rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr…` has 65 characters, at most 64 are allowed",
                "MaxSessionDuration: `60` is less than 3600",
            ],
        ),
        (
            "AWS::ECS::Service",
            json!({"LaunchType": "Fargate", "PropagateTags": {"Ref": "P"}}),
            &["LaunchType: `Fargate` is not one of `EC2`, `FARGATE` or `EXTERNAL` (did you mean `FARGATE`?)"],
        ),
        (
            "AWS::ECS::Service",
            json!({"LaunchType": {"Fn::If": ["C", "EC2", "EC3"]}}),
            &["LaunchType.Fn::If[2]: `EC3` is not one of `EC2`, `FARGATE` or `EXTERNAL` (did you mean `EC2`?)"],
        ),
        (
            "AWS::DynamoDB::Table",
            json!({"KeySchema": [{"AttributeName": "a", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}, {"AttributeName": "a", "AttributeType": "N"}]}),
            &[
                "KeySchema[0].KeyType: `RANGE` is not `HASH`, the only value allowed",
                "AttributeDefinitions: items 0 and 1 have the same `AttributeName`",
            ],
        ),
        (
            "AWS::DynamoDB::Table",
            json!({"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
            "LocalSecondaryIndexes": [{"IndexName": "idx", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"}}]}),
            &[
                "LocalSecondaryIndexes[0].KeySchema: 1 item is given, at least 2 are needed",
                "KeySchema: 1 item is given, at least 2 are needed",
                "AttributeDefinitions: 1 item is given, at least 2 are needed",
            ],
        ),
        (
            "AWS::ECS::TaskDefinition",
            json!({"ContainerDefinitions": [{"Name": "a", "Image": "b", "Environment": [
            {"Name": "X", "Value": "1"}, {"Name": "X", "Value": "2"}]}]}),
            &["ContainerDefinitions[0].Environment: items 0 and 1 have the same `Name`"],
        ),
        (
            "AWS::RDS::DBCluster",
            json!({"Engine": "aurora-postgresql", "MasterUsername": "admin"}),
            &["MasterUsername: `admin` is reserved by AWS"],
        ),
        ("AWS::RDS::DBCluster", json!({"Engine": {"Ref": "Engine"}, "MasterUsername": "admin"}), &[]),
        ("AWS::KMS::Key", json!({"PendingWindowInDays": "3"}), &["PendingWindowInDays: `3` is less than 7"]),
        ("AWS::ApiGatewayV2::Api", json!({"Body": "{not json"}), &["Body: `{not json` is not JSON"]),
        (
            "AWS::Logs::LogGroup",
            json!({"RetentionInDays": 8, "LogGroupName": "a b"}),
            &[
                "RetentionInDays: `8` is not one of `1`, `3`, `5`, `7`, `14`, `30`, `60`, `90`, `120`, `150`, `180`, `365` and 10 more",
                "LogGroupName: `a b` does not have the form `^[.\\-_/#A-Za-z0-9]{1,512}\\Z`",
            ],
        ),
        (
            "AWS::CloudWatch::Alarm",
            json!({"ComparisonOperator": "Greater", "MetricName": "a", "Metrics": [{"Id": "m"}]}),
            &[
                "ComparisonOperator: `Greater` is not one of `GreaterThanOrEqualToThreshold`, `GreaterThanThreshold`, `GreaterThanUpperThreshold`, `LessThanLowerOrGreaterThanUpperThreshold`, `LessThanLowerThreshold`, `LessThanOrEqualToThreshold` or `LessThanThreshold`",
                "only one of `Metrics`, `MetricName` or `EvaluationCriteria` may be given, and `Metrics` and `MetricName` are",
                "`Metrics` and `MetricName` cannot be given together",
            ],
        ),
        (
            "AWS::S3::Bucket",
            json!({"LoggingConfiguration": {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "x"}}}}),
            &[
                "LoggingConfiguration.TargetObjectKeyFormat.PartitionedPrefix.PartitionDateSource: `x` is not one of `EventTime` or `DeliveryTime`",
            ],
        ),
        (
            "AWS::SSM::Parameter",
            json!({"Type": "Text", "Value": "v", "Tags": {"a<b": "c"}}),
            &[
                "Type: `Text` is not one of `String`, `StringList` or `SecureString`",
                "Tags: the name `a<b` does not have the form `^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$`",
            ],
        ),
    ]);
}

#[test]
fn counts_and_forms() {
    let tags: Vec<Value> = (0..51).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect();
    let actions: Vec<String> = (0..6).map(|i| format!("arn:aws:sns:us-east-1:123456789012:t{i}")).collect();
    check(vec![
        ("AWS::ECS::Service", json!({"Tags": tags}), &["Tags: 51 items are given, at most 50 are allowed"]),
        (
            "AWS::CloudWatch::Alarm",
            json!({"ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 1, "MetricName": "m",
            "AlarmActions": actions}),
            &["AlarmActions: 6 different items are given, at most 5 are allowed"],
        ),
        (
            "AWS::KMS::Key",
            json!({"Tags": [{"Key": "a", "Value": "b"}, {"Value": "b", "Key": "a"}]}),
            &["Tags: items 0 and 1 are the same"],
        ),
        (
            "AWS::Scheduler::Schedule",
            json!({"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "StartDate": "tomorrow",
            "Target": {"Arn": {"Ref": "T"}, "RoleArn": {"Ref": "R"}}}),
            &["StartDate: `tomorrow` is not a time such as `2026-01-31T12:00:00Z`"],
        ),
        (
            "AWS::Synthetics::Canary",
            json!({"Name": "a", "RuntimeVersion": "syn-1.0", "ArtifactS3Location": "s3://b", "ExecutionRoleArn": {"Ref": "R"},
            "Schedule": {"Expression": "rate(5 minutes)"}, "Code": {"Script": "x"}}),
            &[
                "Code: one of these is required: `Handler`, `S3Bucket` and `S3Key`; `BlueprintTypes`, `S3Bucket` and `S3Key`; `Handler` and `Script`; `BlueprintTypes` and `Script`; `Handler`; `BlueprintTypes`",
            ],
        ),
    ]);
}

#[test]
fn secrets_are_not_shown() {
    let cases = [
        ("AWS::RDS::DBInstance", json!({"MasterUserPassword": ["hunter2"]})),
        ("AWS::RDS::DBInstance", json!({"TdeCredentialPassword": {"x": "hunter2"}})),
        ("AWS::SecretsManager::Secret", json!({"SecretString": "hunter2".repeat(20_000)})),
        ("AWS::ElastiCache::ReplicationGroup", json!({"AuthToken": ["hunter2"], "ReplicationGroupDescription": "x"})),
        ("AWS::SSM::Parameter", json!({"Type": "String", "Value": ["hunter2"]})),
    ];
    for (type_name, properties) in cases {
        let found = validate(type_name, &properties);
        assert!(!found.is_empty(), "{type_name}");
        for violation in found {
            assert!(!violation.to_string().contains("hunter2"), "{violation}");
        }
    }
}
