//! What an environment costs a month: the price book, the estimate, the documents' own tables beside it.
//!
//! Resources say quantities ([`engine::Charge`]); the [`book()`] has prices with their date and source; an
//! [`Estimate`] multiplies. No price is ever taken as zero: what the book lacks is in [`Estimate::missing`].

pub mod book;
pub mod documented;
pub mod estimate;

pub use book::{Price, PriceBook, book};
pub use documented::{Compared, Comparison, compare, documented};
pub use estimate::{Estimate, Line, Priced, estimate, price};
