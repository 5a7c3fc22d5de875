//! Stored tokens (control-plane.md §8.2).

use crate::api::check::Kind;
use crate::api::request::{Answer, Request};
use crate::core::auth::TokenStore;
use crate::core::errors::{ApiError, Code};
use crate::json::Json;

fn store(request: &Request) -> Result<TokenStore<'_>, ApiError> {
    let reason = "Stored-Token based authentication disabled";
    request.core.auth.store().ok_or_else(|| ApiError::new(Code::Unknown, reason))
}

fn plugins_reply(request: &Request, packages: &[String]) -> Answer {
    let plugins: Json = packages.iter().collect();
    Ok(request.success().with("data", Json::object().with("plugins", plugins)).into())
}

/// Without plugins the token may use all that are loaded; unknown ones are skipped (CP-278, CP-279).
pub fn add(request: &Request) -> Answer {
    let store = store(request)?;
    let members = request.members();
    let token = members.text("token")?;
    let plugins = members.optional("plugins", Kind::Array)?.filter(|list| !list.is_empty());
    let known = request.core.plugins.packages();
    let packages = match plugins {
        None => known,
        Some(list) => list
            .elements()
            .filter_map(|p| p.as_str().map(str::to_owned))
            .filter(|p| known.contains(p))
            .collect(),
    };
    plugins_reply(request, &store.allow(&token, &packages))
}

pub fn allow(request: &Request) -> Answer {
    let (store, token, packages) = token_and_plugins(request)?;
    plugins_reply(request, &store.allow(&token, &packages))
}

pub fn disallow(request: &Request) -> Answer {
    let (store, token, packages) = token_and_plugins(request)?;
    plugins_reply(request, &store.disallow(&token, &packages))
}

/// Everything is checked before anything changes (CP-281, CP-282, CP-283).
fn token_and_plugins(request: &Request) -> Result<(TokenStore<'_>, String, Vec<String>), ApiError> {
    let store = store(request)?;
    let members = request.members();
    let token = members.text("token")?;
    let list = members.optional("plugins", Kind::Array)?.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| members.wrong("plugins", "a non-empty array"))?;
    if !store.contains(&token) {
        return Err(ApiError::new(Code::TokenNotFound, format!("Token {token} not found")));
    }
    let known = request.core.plugins.packages();
    let packages: Option<Vec<String>> =
        list.elements().map(|p| p.as_str().map(str::to_owned).filter(|p| known.contains(p))).collect();
    let packages = packages.ok_or_else(|| {
        let reason = "Invalid element type (some of the provided plugins are invalid)";
        ApiError::new(Code::InvalidElementType, reason)
    })?;
    Ok((store, token, packages))
}

/// Tokens without plugins are not shown (CP-284).
pub fn list(request: &Request) -> Answer {
    let all = store(request)?.list();
    let tokens: Json = all
        .iter()
        .filter(|(_, plugins)| !plugins.is_empty())
        .map(|(token, plugins)| {
            Json::object()
                .with("token", token.as_str())
                .with("allowed_plugins", plugins.iter().collect::<Json>())
        })
        .collect();
    Ok(request.success().with("data", Json::object().with("tokens", tokens)).into())
}

pub fn remove(request: &Request) -> Answer {
    let store = store(request)?;
    let token = request.members().text("token")?;
    if !store.remove(&token) {
        return Err(ApiError::new(Code::Unknown, "Error removing token"));
    }
    Ok(request.success().into())
}
