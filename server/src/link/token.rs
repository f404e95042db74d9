//! How an agent gets the token that its other calls carry: a challenge, signed with the device key.

use crate::api::{ApiResult, Id, Input};
use axum::{Json, extract::State};
use domain::Store;
use entity::{
    agent_token::{AgentToken, Challenge, ChallengeProof},
    id::DeviceId,
};

/// `POST /agents/{id}/challenge`
pub(crate) async fn challenge(State(store): State<Store>, Id(id): Id<DeviceId>) -> ApiResult<Challenge> {
    Ok(Json(domain::agent_token::challenge(&store, id).await?))
}

/// `POST /agents/{id}/token`: the signature is the credential.
pub(crate) async fn exchange(
    State(store): State<Store>,
    Id(id): Id<DeviceId>,
    Input(proof): Input<ChallengeProof>,
) -> ApiResult<AgentToken> {
    Ok(Json(domain::agent_token::exchange(&store, id, proof).await?))
}
