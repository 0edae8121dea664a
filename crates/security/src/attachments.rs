//! The addresses of stores into the secrets that hold their credentials.

use std::collections::BTreeMap;

use cloud::{Handle, Stack};

use crate::attachment::Attachment;

/// What the attachments need of others.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The stores with a secret.
    pub stores: Vec<StoreAccess>,
}

/// A store, and the secret that its clients read.
#[derive(Clone, Debug)]
pub struct StoreAccess {
    /// The store's name: `postgres.main`, `redis.cache`.
    pub store: String,
    /// The secret's name in the environment file: `db-credentials`.
    pub secret: String,
    /// The secret's ARN, as a token.
    pub secret_id: String,
    /// Where the store answers.
    pub endpoint: Endpoint,
}

/// Where a store answers. Values are tokens of what the store knows once it runs.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A relational database.
    Database {
        /// `postgres`, `mysql`, as RDS names it.
        engine: String,
        /// The host name.
        host: String,
        /// The port.
        port: String,
        /// The database in it.
        database: Option<String>,
        /// The instance identifier.
        identifier: String,
    },
    /// A Redis or Valkey cache.
    Cache {
        /// The host name.
        host: String,
        /// The port.
        port: String,
        /// Whether connections are encrypted.
        tls: bool,
        /// Whether clients must show the secret's `password` (AUTH).
        password: bool,
    },
}

/// The attachments declared.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// By the secret's name. Whoever reads `host`, `port` or `url` of the secret must depend on it.
    pub attachments: BTreeMap<String, Handle>,
}

/// Declares the attachments: each puts `host`, `port`, `url` and so on into its secret.
pub fn declare(inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let mut outputs = Outputs::default();
    for store in &inputs.stores {
        let key = format!("storage.{}", store.store);
        stack.section(&key);
        if outputs.attachments.contains_key(&store.secret) {
            let message = format!("the secret `{}` has the address of another store already", store.secret);
            stack
                .findings
                .error("secret-attached-twice", format!("{key}.credentials"), message)
                .hint("give each store a secret of its own");
            continue;
        }
        let handle = stack.add(format!("security.attachment.{}", store.secret), resource(store));
        outputs.attachments.insert(store.secret.clone(), handle);
    }
    outputs
}

fn resource(store: &StoreAccess) -> Attachment {
    let (values, template): (Vec<(&str, String)>, String) = match &store.endpoint {
        Endpoint::Database { engine, host, port, database, identifier } => {
            let mut values = vec![
                ("engine", engine.clone()),
                ("host", host.clone()),
                ("port", port.clone()),
                ("dbInstanceIdentifier", identifier.clone()),
            ];
            values.extend(database.clone().map(|database| ("dbname", database)));
            // Aurora's engines are `aurora-postgresql`, `aurora-mysql`.
            let (scheme, query) = match engine.as_str() {
                engine if engine.contains("postgres") => ("postgres", "?sslmode=require"),
                engine if engine.contains("mysql") || engine == "mariadb" => ("mysql", ""),
                engine => (engine, ""),
            };
            let path = if database.is_some() { "/{dbname}" } else { "" };
            (values, format!("{scheme}://{{username}}:{{password}}@{{host}}:{{port}}{path}{query}"))
        }
        Endpoint::Cache { host, port, tls, password } => {
            let scheme = if *tls { "rediss" } else { "redis" };
            let user = if *password { ":{password}@" } else { "" };
            let values = vec![("host", host.clone()), ("port", port.clone()), ("tls", tls.to_string())];
            (values, format!("{scheme}://{user}{{host}}:{{port}}"))
        }
    };
    Attachment {
        secret_id: Some(store.secret_id.clone()),
        values: Some(values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        url_template: Some(template),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn database(secret: &str) -> StoreAccess {
        let instance = Handle::to("storage.postgres.main");
        StoreAccess {
            store: "postgres.main".to_owned(),
            secret: secret.to_owned(),
            secret_id: Handle::to("security.secret.db-credentials").id(),
            endpoint: Endpoint::Database {
                engine: "postgres".to_owned(),
                host: instance.get("Endpoint.Address"),
                port: instance.get("Endpoint.Port"),
                database: Some("arrakis".to_owned()),
                identifier: instance.id(),
            },
        }
    }

    fn cache(tls: bool, password: bool) -> StoreAccess {
        let endpoint = Endpoint::Cache { host: "h".to_owned(), port: "6379".to_owned(), tls, password };
        StoreAccess {
            store: "redis.cache".to_owned(),
            secret: "redis".to_owned(),
            secret_id: "arn".to_owned(),
            endpoint,
        }
    }

    #[test]
    fn a_database_gets_late_values_and_a_url() {
        let mut stack = Stack::new("arrakis/production", "us-east-1", &[]);
        declare(&Inputs { stores: vec![database("db-credentials")] }, &mut stack);
        let (nodes, findings) = stack.finish();
        assert_eq!(findings, []);
        assert_eq!(nodes[0].address.as_str(), "security.attachment.db-credentials");
        assert_eq!(
            nodes[0].properties,
            json!({
                "SecretId": { "Ref": "security.secret.db-credentials" },
                "Values": {
                    "engine": "postgres",
                    "host": { "Fn::GetAtt": ["storage.postgres.main", "Endpoint.Address"] },
                    "port": { "Fn::GetAtt": ["storage.postgres.main", "Endpoint.Port"] },
                    "dbInstanceIdentifier": { "Ref": "storage.postgres.main" },
                    "dbname": "arrakis",
                },
                "UrlTemplate": "postgres://{username}:{password}@{host}:{port}/{dbname}?sslmode=require",
            })
        );
    }

    #[test]
    fn a_cache_url_tells_encryption_and_password() {
        let cases = [
            (true, true, "rediss://:{password}@{host}:{port}"),
            (true, false, "rediss://{host}:{port}"),
            (false, true, "redis://:{password}@{host}:{port}"),
        ];
        for (tls, password, url) in cases {
            assert_eq!(resource(&cache(tls, password)).url_template.as_deref(), Some(url));
        }
    }

    #[test]
    fn one_secret_serves_one_store() {
        let mut stack = Stack::new("arrakis/production", "us-east-1", &[]);
        declare(&Inputs { stores: vec![database("db"), database("db")] }, &mut stack);
        let (nodes, findings) = stack.finish();
        assert_eq!(nodes.len(), 1);
        assert_eq!(findings[0].rule, "secret-attached-twice");
        assert_eq!(findings[0].key.as_deref(), Some("storage.postgres.main.credentials"));
    }
}
