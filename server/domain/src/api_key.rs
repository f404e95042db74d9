//! API keys: making them, seeing them, taking them back. What a key is worth when it is used is decided in `access`.

use crate::{
    Confirmed, Cx, Error, Result,
    access::{
        Authority, Permit, Target, count_working, held_now, networks, own_keys, read_list, write_permissions,
    },
    audit::Record,
    secret,
    show_once::{self, Shown},
    store::keyset::{self, Order, holds, pattern},
    user::check_not_above,
};
use chrono::Duration;
use entity::{
    api_key::{
        ApiKeyInput, ApiKeyQuery, ApiKeyView, EXPIRES_IN_DAYS_DEFAULT, EXPIRES_IN_DAYS_MAX, IssuedApiKey,
        KEY_PREFIX, NETWORKS_MAX,
    },
    id::{ApiKeyId, BusinessId, UserId},
    input,
    page::Page,
    policy::{Action, Permissions},
    problem::Problem,
    table::{api_key, user},
};
use ipnet::IpNet;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Select, Set,
    sea_query::{Expr, Func},
};
use std::{collections::HashMap, net::IpAddr};

/// Keys that work for one user at the same time.
const WORKING_MAX: u64 = 50;
/// Letters of the secret that stay readable, to tell keys apart.
const HINT_LENGTH: usize = 4;
/// Longest piece of what was typed that a refusal repeats, in characters.
const QUOTED_MAX: usize = 60;

/// Makes a key: for oneself, or for a service account. The secret is in the answer and nowhere else.
///
/// # Errors
/// Not found when the account is out of reach, forbidden by role, conflict when there are too many; invalid names the
/// field.
pub async fn add(cx: &Confirmed<'_>, input: ApiKeyInput) -> Result<IssuedApiKey> {
    cx.check_ready()?;
    let key_name = input::line("key_name", &input.key_name)?;
    let scopes = scopes(&input)?;
    let allowed = parse_networks(&input.allowed_networks)?;
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    let days = input.expires_in_days.unwrap_or(EXPIRES_IN_DAYS_DEFAULT);
    if !(1..=EXPIRES_IN_DAYS_MAX).contains(&days) {
        let detail = format!("Between 1 and {EXPIRES_IN_DAYS_MAX} days.");
        return Err(Problem::invalid("expires_in_days", detail).into());
    }
    let _turn = Authority::of(cx).await?;
    let owner = Owner::of(cx, input.service_account_id).await?;
    let secret = format!("{KEY_PREFIX}{}", secret::opaque()?);
    let (id, now) = (ApiKeyId::generate(), cx.store().now());
    // The maker may be of another business than the account, so that this is not begun within the permit's scope.
    let change = cx.store().begin().await?;
    let held = held_now(&change, cx.me().id).await?.only(&held_now(&change, owner.id).await?);
    if !held.include(&scopes) {
        let detail = "A key is allowed only what both you and the account it acts as may do.";
        return Err(Problem::invalid("permissions", detail).into());
    }
    let working = count_working(&change, owner.id, now).await?;
    if working >= WORKING_MAX {
        let detail = format!("There are {WORKING_MAX} working keys already. Revoke one that is not needed.");
        return Err(Error::conflict(None, detail));
    }
    let hint_at = secret.len() - HINT_LENGTH;
    api_key::ActiveModel {
        id: Set(id),
        business_id: Set(owner.business_id),
        user_id: Set(owner.id),
        key_name: Set(key_name.clone()),
        secret_hash: Set(secret::digest(&secret)),
        hint: Set(secret[hint_at..].to_owned()),
        permissions: Set(write_permissions(&scopes)),
        allowed_networks: Set(serde_json::json!(allowed).to_string()),
        created_by: Set(cx.me().id),
        created_at: Set(now),
        expires_at: Set(now + Duration::days(i64::from(days))),
        last_used_at: Set(None),
        last_used_ip: Set(None),
        revoked_at: Set(None),
    }
    .insert(&*change)
    .await?;
    let record = Record::new("api_key.add", format!("Made the API key {key_name} for {}", owner.full_name));
    owner.permit.commit(change, record.after(&input)).await?;
    show_once::put(cx.store(), Shown::ApiKey, cx.me().id, id, &secret).await;
    Ok(IssuedApiKey { key: get(cx, id).await?, secret })
}

/// Whom a key acts as, and the permit to make it.
struct Owner<'a> {
    id: UserId,
    business_id: Option<BusinessId>,
    full_name: String,
    permit: Permit<'a>,
}

impl<'a> Owner<'a> {
    async fn of(cx: &'a Confirmed<'_>, account: Option<UserId>) -> Result<Self> {
        let me = cx.me();
        let Some(id) = account.filter(|id| *id != me.id) else {
            let (id, business_id, full_name) = (me.id, me.business_id, me.full_name.clone());
            return Ok(Self { id, business_id, full_name, permit: cx.permit_self()? });
        };
        let row = crate::service_account::find(cx, id).await?;
        let permit = cx.permit(Action::ManageApiKey, Target::of(row.business_id))?;
        check_not_above(cx, &row).await?;
        Ok(Self { id, business_id: row.business_id, full_name: row.full_name, permit })
    }
}

/// What is asked for, as far as a key can be allowed it at all.
fn scopes(input: &ApiKeyInput) -> Result<Permissions> {
    let scopes = Permissions::from(input.permissions.clone());
    let refused = scopes.iter().find(|action| action.needs_confirmation());
    match refused {
        None => Ok(scopes),
        Some(action) => {
            let detail = format!(
                "No key is allowed this: {}. A person has to do it in the portal, who can confirm that it is them.",
                action.label()
            );
            Err(Problem::invalid("permissions", detail).into())
        }
    }
}

/// Networks and single addresses, separated by spaces, commas or lines; each once.
fn parse_networks(text: &str) -> Result<Vec<IpNet>> {
    let wrong = |detail: String| Problem::invalid("allowed_networks", detail);
    let mut found: Vec<IpNet> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        let network = word.parse::<IpNet>().map(|network| network.trunc()).ok();
        let address = || word.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let Some(network) = network.or_else(address) else {
            let word = input::clip(word, QUOTED_MAX);
            let detail =
                format!("Write networks such as 192.0.2.0/24, or single addresses; {word} is neither.");
            return Err(wrong(detail).into());
        };
        if !found.contains(&network) {
            found.push(network);
        }
        if found.len() > NETWORKS_MAX {
            return Err(wrong(format!("At most {NETWORKS_MAX} networks.")).into());
        }
    }
    Ok(found)
}

/// One page of the keys, newest first: one's own, and those of others within reach for who manages keys; of one user,
/// or of all. A key sees itself.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ApiKeyQuery) -> Result<Page<ApiKeyView>> {
    let (of, me) = (query.user_id, cx.me().id);
    let cursor = query.cursor.as_deref();
    let newest = || Order::newest("api_keys.newest");
    let narrow = |select: Select<api_key::Entity>| -> Result<Select<api_key::Entity>> {
        Ok(match pattern(query.search.as_deref())? {
            Some(pattern) => {
                let name = keyset::column::<api_key::Entity>(api_key::Column::KeyName);
                select.filter(holds(Expr::expr(Func::lower(name)), &pattern))
            }
            None => select,
        })
    };
    // One's own are not always within one's reach, and others' are never read without it: two questions, one list.
    let mut both = Vec::new();
    let mut is_more = false;
    if of.is_none_or(|of| of == me) {
        let own = narrow(own_keys(cx))?;
        let slice = keyset::page(cx.store().db(), own, newest(), cursor, query.limit).await?;
        is_more |= slice.next_cursor.is_some();
        both.extend(slice.rows);
    }
    if manages(cx) && of != Some(me) {
        let mut others = cx.select::<api_key::Entity>().filter(api_key::Column::UserId.ne(me));
        if let Some(of) = of {
            others = others.filter(api_key::Column::UserId.eq(of));
        }
        let slice = keyset::page(cx.db(), narrow(others)?, newest(), cursor, query.limit).await?;
        is_more |= slice.next_cursor.is_some();
        both.extend(slice.rows);
    }
    both.sort_by_key(|row| std::cmp::Reverse(row.id));
    let limit = keyset::limit_of(query.limit)? as usize;
    is_more |= both.len() > limit;
    both.truncate(limit);
    let next_cursor = match both.last() {
        Some(last) if is_more => Some(newest().after(last.id.0)?),
        _ => None,
    };
    Ok(Page { items: views(cx, both).await?, next_cursor, total: None })
}

/// One key, without its secret.
///
/// # Errors
/// Unless it is one's own: forbidden by role, not found when out of reach.
pub async fn get(cx: &Cx, id: ApiKeyId) -> Result<ApiKeyView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("API key"))
}

/// Takes a key back: it does not work from now on.
///
/// # Errors
/// Unless it is one's own: forbidden by role, not found when out of reach, confirm identity. Conflict when it was taken
/// back before.
pub async fn revoke(cx: &Cx, id: ApiKeyId) -> Result<ApiKeyView> {
    let row = find(cx, id).await?;
    let confirmed;
    let permit = if row.user_id == cx.me().id {
        cx.permit_self()?
    } else {
        confirmed = cx.confirmed()?;
        confirmed.permit(Action::ManageApiKey, Target::of(row.business_id))?
    };
    let change = permit.begin().await?;
    let revoked = api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(cx.store().now()))
        .filter(api_key::Column::Id.eq(id))
        .filter(api_key::Column::RevokedAt.is_null())
        .exec(&*change)
        .await?;
    if revoked.rows_affected == 0 {
        return Err(Error::conflict(None, "This key was revoked before."));
    }
    let record = Record::new("api_key.revoke", format!("Revoked the API key {}", row.key_name));
    permit.commit(change, record.before(id)).await?;
    get(cx, id).await
}

/// The secret of a key that the caller has just made; handed out once.
///
/// # Errors
/// Unless it is one's own: forbidden by role, not found when out of reach.
pub async fn take_secret(cx: &Cx, id: ApiKeyId) -> Result<Option<String>> {
    find(cx, id).await?;
    // A key cannot have made one.
    cx.session_id()?;
    show_once::take(cx.store(), Shown::ApiKey, cx.me().id, id).await
}

/// Does whoever asks see the keys of others?
fn manages(cx: &Cx) -> bool {
    cx.me().may(Action::ManageApiKey) && !cx.reach().is_nothing()
}

async fn find(cx: &Cx, id: ApiKeyId) -> Result<api_key::Model> {
    if let Some(own) = own_keys(cx).filter(api_key::Column::Id.eq(id)).one(cx.store().db()).await? {
        return Ok(own);
    }
    cx.check(Action::ManageApiKey, "Your role does not show you the API keys of others.")?;
    let others = cx.select::<api_key::Entity>().filter(api_key::Column::Id.eq(id));
    others.one(cx.db()).await?.ok_or_else(|| Error::not_found("API key"))
}

async fn views(cx: &Cx, rows: Vec<api_key::Model>) -> Result<Vec<ApiKeyView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().flat_map(|row| [row.user_id, row.created_by]);
    let select = cx.select::<user::Entity>().filter(user::Column::Id.is_in(ids));
    let mut users: HashMap<UserId, (String, bool)> =
        select.all(cx.db()).await?.into_iter().map(|row| (row.id, (row.full_name, row.is_active))).collect();
    // Not everybody reaches their own row.
    users.insert(cx.me().id, (cx.me().full_name.clone(), true));
    let view = |row: api_key::Model| -> Result<ApiKeyView> {
        Ok(ApiKeyView {
            user_name: users.get(&row.user_id).map(|(name, _)| name.clone()).unwrap_or_default(),
            is_user_active: users.get(&row.user_id).is_some_and(|(_, is_active)| *is_active),
            created_by_name: users.get(&row.created_by).map(|(name, _)| name.clone()),
            permissions: read_list(&row.permissions)?,
            allowed_networks: networks(&row.allowed_networks)?.iter().map(ToString::to_string).collect(),
            id: row.id,
            key_name: row.key_name,
            hint: row.hint,
            user_id: row.user_id,
            business_id: row.business_id,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            last_used_ip: row.last_used_ip,
            revoked_at: row.revoked_at,
        })
    };
    rows.into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_people_write_them() {
        let read = |text: &str| {
            parse_networks(text).map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(read("").expect("none"), Vec::<String>::new());
        assert_eq!(
            read("192.0.2.7, 10.1.2.3/8\n2001:db8::1/32 ::ffff:192.0.2.7").expect("good"),
            ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32"]
        );
        for bad in
            ["everywhere", "192.0.2.0/33", "192.0.2", "10.0.0.0/8/8", "192.0.2.1-192.0.2.9", "<script>"]
        {
            let problem = read(bad).expect_err("refused").problem();
            assert_eq!(problem.field.as_deref(), Some("allowed_networks"), "{bad}");
        }
        let many: Vec<_> = (0..=NETWORKS_MAX).map(|n| format!("10.0.{n}.0/24")).collect();
        assert!(read(&many.join(" ")).is_err());
    }
}
