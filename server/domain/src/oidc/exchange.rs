//! From the code that a browser brings back to claims that are proved to be the provider's.

use super::{
    directory::{REPEATED_MAX, published_now},
    fetch::asking,
};
use crate::{Store, oidc::sign_in::Waiting};
use chrono::{DateTime, Duration, Utc};
use entity::{input::clip, oidc::OidcFailure, table::oidc_provider};
use openidconnect::{
    AccessToken, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse as _,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError, SignatureVerificationError,
    TokenResponse as _, UserInfoError,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
        CoreIdToken, CoreIdTokenClaims, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm as Alg, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use serde::{Deserialize, Serialize};

/// How far ahead of ours a provider's clock may be.
const AHEAD_MAX: Duration = Duration::minutes(5);
/// Most characters of a subject, by the standard.
const SUBJECT_MAX: usize = 255;
/// The signatures that are accepted: with a public key of the provider, never with a shared secret or none.
const SIGNATURES: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// What a provider publishes beyond the library's own list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct More {
    /// RFC 9207: its answers name it, so that one provider's answer cannot pass for another's.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

/// What a provider publishes.
pub(crate) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// This server, as a provider knows it.
type Known = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The address that providers send people back to; one for all of them.
pub(super) fn redirect_url(store: &Store) -> String {
    format!("{}/sign-in/oidc/callback", store.public_url())
}

/// This server, as this provider knows it.
///
/// # Errors
/// When the stored secret cannot be opened.
pub(super) fn known_to(
    store: &Store,
    provider: &oidc_provider::Model,
    metadata: &Metadata,
) -> crate::Result<Known> {
    let secret = match &provider.client_secret_sealed {
        None => None,
        Some(sealed) => {
            let bytes = store.seal().open(&format!("oidc {}", provider.id), sealed)?;
            Some(ClientSecret::new(String::from_utf8_lossy(&bytes).into_owned()))
        }
    };
    let redirect = RedirectUrl::new(redirect_url(store))
        .map_err(|error| crate::Error::Internal(format!("the public URL: {error}")))?;
    let methods = metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
    let auth_type =
        if !takes(CoreClientAuthMethod::ClientSecretBasic) && takes(CoreClientAuthMethod::ClientSecretPost) {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
    let id = ClientId::new(provider.client_id.clone());
    Ok(CoreClient::from_provider_metadata(metadata.clone(), id, secret)
        .set_redirect_uri(redirect)
        .set_auth_type(auth_type))
}

/// Somebody whom a provider vouches for.
pub(super) struct Vouched {
    known: Known,
    claims: CoreIdTokenClaims,
    access_token: AccessToken,
}

impl Vouched {
    /// Who they are there; stays the same whatever else changes.
    pub(super) fn subject(&self) -> &str {
        self.claims.subject().as_str()
    }

    /// Their address, when the provider says that it has verified it, as the ID token or the user info endpoint says.
    pub(super) async fn verified_email(&self, store: &Store) -> Result<Option<String>, OidcFailure> {
        let lower = |email: &str| email.trim().to_ascii_lowercase();
        match (self.claims.email(), self.claims.email_verified()) {
            (Some(email), Some(true)) => return Ok(Some(lower(email))),
            (_, Some(false)) => return Ok(None),
            _ => {}
        }
        // What cannot stand in a header cannot be asked with.
        if !self.access_token.secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(None);
        }
        let subject = self.claims.subject().clone();
        let Ok(request) = self.known.user_info(self.access_token.clone(), Some(subject)) else {
            return Ok(None);
        };
        let ask = asking(store)?;
        let told: Result<CoreUserInfoClaims, _> = request.request_async(&ask).await;
        let told = told.map_err(|error| match error {
            UserInfoError::Request(error) => OidcFailure::from(error),
            error => refused("the user info was not accepted", &error),
        })?;
        let email = told.email().filter(|_| told.email_verified() == Some(true));
        Ok(email.map(|email| lower(email)))
    }
}

/// Gives the code back to the provider that it came from, and checks what that answers: the signature, for whom and
/// by whom it is, until when, and that it belongs to this sign-in.
///
/// # Errors
/// Why not; the log says more.
pub(super) async fn redeem(
    store: &Store,
    provider: &oidc_provider::Model,
    metadata: &Metadata,
    waiting: &Waiting,
    code: String,
) -> Result<Vouched, OidcFailure> {
    let known = known_to(store, provider, metadata)?;
    let ask = asking(store)?;
    let request = known
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|error| refused("there is no token endpoint", &error))?
        .set_pkce_verifier(PkceCodeVerifier::new(waiting.verifier.clone()));
    let answer: CoreTokenResponse = request.request_async(&ask).await.map_err(|error| match error {
        RequestTokenError::Request(error) => OidcFailure::from(error),
        error => refused("the code was not exchanged", &error),
    })?;
    let token = answer.id_token().ok_or_else(|| refused("there is no ID token", &"none"))?;
    let claims = match verify(store, &known, token, waiting) {
        Ok(claims) => claims,
        // The provider may have changed its keys since they were asked for.
        Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
            let metadata = published_now(store, provider)
                .await
                .map_err(|error| refused("the keys could not be asked for again", &error))?;
            let known = known_to(store, provider, &metadata)?;
            verify(store, &known, token, waiting).map_err(|error| refused("the ID token", &error))?
        }
        Err(error) => return Err(refused("the ID token", &error)),
    };
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > SUBJECT_MAX || !subject.is_ascii() {
        return Err(refused("the subject is not as it should be", &"its length or letters"));
    }
    let access_token = answer.access_token().clone();
    Ok(Vouched { known, claims, access_token })
}

fn verify(
    store: &Store,
    known: &Known,
    token: &CoreIdToken,
    waiting: &Waiting,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let now = store.now();
    let issued = move |at: DateTime<Utc>| {
        if at > now + AHEAD_MAX { Err("it was issued in the future".to_owned()) } else { Ok(()) }
    };
    let verifier = known
        .id_token_verifier()
        .set_allowed_algs(SIGNATURES)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(issued);
    let claims = token.claims(&verifier, &Nonce::new(waiting.nonce.clone()))?;
    // The library leaves this one to its users: the token was made for us, not only readable by us.
    match claims.authorized_party() {
        Some(party) if party != known.client_id() => {
            Err(ClaimsVerificationError::InvalidAudience("it was made for another party".to_owned()))
        }
        _ => Ok(claims.clone()),
    }
}

/// Writes down why, bounded and without what the provider sent beyond it.
pub(super) fn refused(what: &str, why: &impl std::fmt::Display) -> OidcFailure {
    let why = clip(&why.to_string(), REPEATED_MAX);
    tracing::warn!(why, "a sign-in with a provider was refused: {what}");
    OidcFailure::Refused
}
