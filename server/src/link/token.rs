//! How an agent gets the token that its other calls carry: a challenge, signed with the device key.

use crate::{
    api::{ApiProblem, ApiResult, Id, Input},
    authenticate::Agent,
};
use axum::{Json, extract::State, response::NoContent};
use domain::Store;
use entity::{
    agent_token::{AgentToken, Challenge, ChallengeProof, KeyRotation},
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

/// `POST /agents/{id}/key`: another key takes the place of the device's.
pub(crate) async fn rotate(
    Agent(agent): Agent,
    Input(rotation): Input<KeyRotation>,
) -> Result<NoContent, ApiProblem> {
    domain::agent_token::rotate(&agent, rotation).await?;
    Ok(NoContent)
}
