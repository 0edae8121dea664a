//! AWS's CloudFormation resource schemas, reduced to facts: what a resource type requires, allows, replaces on change,
//! reports back and never reports back.
//!
//! - [`facts`] gives the [`Facts`] of a type; [`types`] lists the types there are.
//! - [`validate`] checks the properties of a resource and gives every [`Violation`], in words.
//! - [`limits`] has what the schemas do not say: Fargate sizes, database and cache classes, engine versions, runtimes.
//! - [`generate`] makes the data files in `data/` again from a cfn-lint package.
//!
//! The data are embedded. Nothing is parsed before it is asked for, and each type is parsed once. There is no network
//! and no AWS SDK here, and nothing of AWS beyond what its schemas publish: documentation of the keywords is at
//! <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>.

mod facts;
pub mod generate;
mod intrinsic;
pub mod limits;
mod path;
mod property;
mod source;
mod table;
mod validate;

pub use facts::{Facts, Replacement, TagShape, Tagging, closest_type, facts, types};
pub use intrinsic::is_intrinsic;
pub use path::{PropertyPath, Segment, Step, show_path};
pub use property::{Kind, Kinds, Pattern, Property};
pub use source::{Source, source};
pub use validate::{Violation, closest, validate};
