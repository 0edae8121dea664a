//! Every resource type of every crate.

use engine::Catalogue;

/// All resource types there are.
pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    networking::register(&mut catalogue);
    compute::register(&mut catalogue);
    storage::register(&mut catalogue);
    security::register(&mut catalogue);
    events::register(&mut catalogue);
    monitoring::register(&mut catalogue);
    catalogue
}
