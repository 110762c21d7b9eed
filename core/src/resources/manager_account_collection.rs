//! `/redfish/v1/AccountService/Accounts`: one's own account, and those one may change. Schema
//! `ManagerAccountCollection`.

use super::{Context, collection, manager_account};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ManagerAccountCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let members = context
        .view
        .directory
        .accounts()
        .filter(|account| manager_account::is_visible(context, account))
        .map(|account| Route::Account(&account.id));
    collection::represent(SCHEMA, Route::Accounts, "Accounts Collection", members)
}
