//! A sample MSP to look around in: made on an empty database alone.

use crate::{
    Result, SystemCx,
    access::{hash_password, policy, setup_is_open},
    approval_policy, registration, secret,
    store::Change,
};
use chrono::{DateTime, Duration, Utc};
use entity::{
    command::{ApprovalRule, Approver, CommandKind, Shell},
    factor::FactorPolicy,
    id::{
        AccessGrantId, BusinessId, RegistrationTokenId, ScriptId, ScriptVersionId, ServiceLocationId, UserId,
    },
    input,
    policy::Permissions,
    registration::{EXPIRES_IN_HOURS_DEFAULT, IssuedRegistrationToken, RegistrationState, TOKEN_PREFIX},
    release::Channel,
    seal,
    table::{access_grant, business, registration_token, script, script_version, service_location, user},
    user::{Effect, GrantView, Role, UserKind, UserView, UserWithPassword},
};
use sea_orm::{ActiveModelTrait as _, Set};

/// What [`seed`] has made.
pub struct Seed {
    /// A person of every role, with the password that works once.
    pub people: Vec<UserWithPassword>,
    /// For one real agent.
    pub token: IssuedRegistrationToken,
}

/// Businesses with their service locations: name, street, who is there.
type Place = (&'static str, &'static str, &'static str);
const BUSINESSES: [(&str, [Place; 2]); 3] = [
    (
        "Harbour Dental Group",
        [
            ("Harbour Street practice", "12 Harbour Street, 24103 Kiel", "Ines Falk"),
            ("Old Town practice", "3 Market Square, 24103 Kiel", "Jonas Brandt"),
        ],
    ),
    (
        "Northwind Joinery",
        [
            ("Workshop", "41 Mill Lane, 24768 Rendsburg", "Peter Holm"),
            ("Showroom", "8 Canal Road, 24768 Rendsburg", "Maja Lund"),
        ],
    ),
    (
        "Lindqvist & Partners",
        [
            ("Head office", "77 Castle Avenue, 24937 Flensburg", "Sofia Lindqvist"),
            ("Archive", "5 Station Yard, 24937 Flensburg", "Emil Berg"),
        ],
    ),
];

/// Name, address, role; customers' people belong to the first business, the technician is granted the first two.
const PEOPLE: [(&str, &str, Role); 5] = [
    ("Ada Reeve", "admin@demo.example", Role::MspAdmin),
    ("Tom Okafor", "technician@demo.example", Role::Technician),
    ("Lena Vogt", "auditor@demo.example", Role::Auditor),
    ("Ines Falk", "owner@demo.example", Role::BusinessOwner),
    ("Jonas Brandt", "contact@demo.example", Role::Contact),
];

/// Name, what it is for, what reads it, its text, what its arguments are called, and whose it is when it is not for all.
type Sample =
    (&'static str, &'static str, Shell, &'static str, &'static [&'static str], Option<&'static str>);
const SCRIPTS: [Sample; 4] = [
    (
        "Largest folders",
        "When a disk is nearly full: which folders fill it.",
        Shell::Sh,
        "#!/bin/sh\n# The twenty largest folders below one, on its own disk alone.\nset -eu\ndu -x -k -d 3 \"${1:-/var}\" 2>/dev/null | sort -rn | head -20\n",
        &["folder"],
        None,
    ),
    (
        "Recent errors in the journal",
        "What went wrong since the machine was started.",
        Shell::Sh,
        "#!/bin/sh\nset -eu\njournalctl --boot --priority err --lines 100 --no-pager\n",
        &[],
        None,
    ),
    (
        "Clear the print queue",
        "Stops the spooler, removes what waits, and starts it again.",
        Shell::Powershell,
        "$ErrorActionPreference = 'Stop'\nStop-Service -Name Spooler -Force\nRemove-Item -Path \"$env:SystemRoot\\System32\\spool\\PRINTERS\\*\" -Force\nStart-Service -Name Spooler\n",
        &[],
        None,
    ),
    (
        "X-ray viewer: clear the cache",
        "When pictures of the day before are shown. Close the viewer first.",
        Shell::Sh,
        "#!/bin/sh\nset -eu\nfind /var/cache/xray-viewer -type f -mtime +1 -delete\n",
        &[],
        Some("Harbour Dental Group"),
    ),
];

/// Makes the sample MSP, or nothing when there is a user already.
///
/// # Errors
/// When the database fails.
pub async fn seed(cx: &SystemCx) -> Result<Option<Seed>> {
    let store = cx.store();
    if !setup_is_open(store).await? {
        return Ok(None);
    }
    let now = store.now();
    let mut passwords = Vec::new();
    for _ in PEOPLE {
        let password = secret::readable(4, 4)?;
        let hash = hash_password(store, &password).await?;
        passwords.push((password, hash));
    }
    let change = store.begin().await?;
    // A sample to look around in, with people that five colleagues share; a real MSP begins with a second factor.
    policy::write(&change, FactorPolicy::Nobody).await?;
    let (granted, first_location) = places(&change, now).await?;
    let mut people = Vec::new();
    for ((full_name, email, role), (password, hash)) in PEOPLE.into_iter().zip(passwords) {
        let home = granted.first().filter(|_| !role.is_msp());
        let row = user::ActiveModel {
            id: Set(UserId::generate()),
            business_id: Set(home.map(|home| home.0)),
            kind: Set(UserKind::Person),
            custom_role_id: Set(None),
            extra_permissions: Set("[]".to_owned()),
            email: Set(email.to_owned()),
            full_name: Set(full_name.to_owned()),
            name_key: Set(input::fold(full_name)),
            role: Set(role),
            password_hash: Set(hash),
            must_change_password: Set(true),
            is_active: Set(true),
            last_sign_in_at: Set(None),
            created_at: Set(now),
        }
        .insert(&*change)
        .await?;
        let grants: Vec<_> =
            if role == Role::Technician { granted.iter().take(2).copied().collect() } else { Vec::new() };
        for grant in &grants {
            access_grant::ActiveModel {
                id: Set(AccessGrantId::generate()),
                user_id: Set(row.id),
                effect: Set(Effect::Allow),
                business_id: Set(Some(grant.0)),
                service_location_id: Set(None),
            }
            .insert(&*change)
            .await?;
        }
        people.push(UserWithPassword { user: view(row, home, grants), one_time_password: password });
    }
    scripts(&change, &granted, now).await?;
    policies(&change, &granted, now).await?;
    let token = format!("{TOKEN_PREFIX}{}", secret::readable(3, 8)?);
    let id = RegistrationTokenId::generate();
    let expires_at = now + Duration::hours(i64::from(EXPIRES_IN_HOURS_DEFAULT));
    registration_token::ActiveModel {
        id: Set(id),
        business_id: Set(granted[0].0),
        service_location_id: Set(first_location),
        device_name: Set(None),
        token_hash: Set(secret::digest(&token)),
        state: Set(RegistrationState::Issued),
        created_by: Set(None),
        created_at: Set(now),
        expires_at: Set(expires_at),
        device_id: Set(None),
    }
    .insert(&*change)
    .await?;
    change.commit_unattended().await?;
    Ok(Some(Seed {
        people,
        token: registration::with_commands(
            store.public_url(),
            store.offered_packages(),
            id,
            token,
            expires_at,
        ),
    }))
}

/// The businesses, and the first of their places.
async fn places(
    change: &Change,
    now: DateTime<Utc>,
) -> Result<(Vec<(BusinessId, &'static str)>, Option<ServiceLocationId>)> {
    let mut granted: Vec<(BusinessId, &'static str)> = Vec::new();
    let mut first_location = None;
    for (name, places) in BUSINESSES {
        let business_id = BusinessId::generate();
        business::ActiveModel {
            id: Set(business_id),
            business_name: Set(name.to_owned()),
            name_key: Set(input::fold(name)),
            is_active: Set(true),
            created_at: Set(now),
            release_channel: Set(Channel::Stable),
        }
        .insert(&**change)
        .await?;
        granted.push((business_id, name));
        for (index, (location_name, address, contact_person)) in places.into_iter().enumerate() {
            let id = ServiceLocationId::generate();
            first_location.get_or_insert(id);
            service_location::ActiveModel {
                id: Set(id),
                business_id: Set(business_id),
                location_name: Set(location_name.to_owned()),
                name_key: Set(input::fold(location_name)),
                address: Set(Some(address.to_owned())),
                contact_person: Set(Some(contact_person.to_owned())),
                contact_phone: Set(None),
                is_headquarters: Set(index == 0),
                created_at: Set(now),
            }
            .insert(&**change)
            .await?;
        }
    }
    Ok((granted, first_location))
}

/// A library to choose from: what one does first on a machine that is slow or full.
async fn scripts(
    change: &Change,
    businesses: &[(BusinessId, &'static str)],
    now: DateTime<Utc>,
) -> Result<()> {
    for (script_name, description, shell, text, parameters, whose) in SCRIPTS {
        let id = ScriptId::generate();
        let business_id =
            whose.and_then(|whose| businesses.iter().find(|(_, name)| *name == whose)).map(|(id, _)| *id);
        script::ActiveModel {
            id: Set(id),
            business_id: Set(business_id),
            script_name: Set(script_name.to_owned()),
            name_key: Set(input::fold(script_name)),
            description: Set(description.to_owned()),
            latest_version: Set(1),
            created_by: Set(None),
            created_at: Set(now),
            changed_at: Set(now),
            archived_at: Set(None),
        }
        .insert(&**change)
        .await?;
        script_version::ActiveModel {
            id: Set(ScriptVersionId::generate()),
            script_id: Set(id),
            business_id: Set(business_id),
            version: Set(1),
            shell: Set(shell),
            script: Set(text.to_owned()),
            script_sha256: Set(seal::sha256(text.as_bytes())),
            parameters: Set(serde_json::to_string(parameters).unwrap_or_default()),
            created_by: Set(None),
            created_at: Set(now),
        }
        .insert(&**change)
        .await?;
    }
    Ok(())
}

/// One business wants to be asked itself, as well as the MSP, before a script runs on its machines.
async fn policies(
    change: &Change,
    businesses: &[(BusinessId, &'static str)],
    now: DateTime<Utc>,
) -> Result<()> {
    let Some((business_id, _)) = businesses.last() else { return Ok(()) };
    let strict = ApprovalRule {
        kinds: vec![CommandKind::RunScript, CommandKind::Reboot],
        approvals_needed: 2,
        approver: Approver::Both,
    };
    approval_policy::sample(change, *business_id, strict, now).await
}

fn view(row: user::Model, home: Option<&(BusinessId, &str)>, granted: Vec<(BusinessId, &str)>) -> UserView {
    let grants = granted.into_iter().map(|(id, name)| GrantView {
        effect: Effect::Allow,
        business_id: Some(id),
        business_name: Some(name.to_owned()),
        service_location_id: None,
        location_name: None,
    });
    UserView {
        id: row.id,
        kind: row.kind,
        email: row.email,
        full_name: row.full_name,
        role: row.role,
        custom_role: None,
        extra_permissions: Permissions::default(),
        permissions: Permissions::of_role(row.role),
        business_id: row.business_id,
        business_name: home.map(|home| home.1.to_owned()),
        grants: grants.collect(),
        is_active: row.is_active,
        must_change_password: row.must_change_password,
        is_invited: false,
        has_factor: false,
        last_sign_in_at: row.last_sign_in_at,
        created_at: row.created_at,
    }
}
