//! End-to-end tests: the built binary on a real engine, as a user sees it.
//!
//! One binary with a module for each behavior, so that it is linked only once. The docker CLI is
//! the independent referee. Every test has its own names on the engine, so tests run concurrently.
//! Without an engine they fail.

mod attach;
mod attach_cleanup;
mod attach_client;
mod attach_confined;
mod attach_engine_restart;
mod attach_kill;
mod attach_matrix;
mod attach_modes;
mod attach_podman;
mod attach_screen;
mod attach_streams;
mod attach_terminal;
mod attack_consent;
mod attack_copy;
mod attack_copy_mounts;
mod attack_keeper;
mod attack_restart;
mod attack_session;
mod attack_toolkit;
mod attack_user;
mod bad_input;
mod build_hostile;
mod build_options;
mod build_outputs;
mod build_progress;
mod build_same;
mod check;
mod codes;
mod demo;
mod docker_habits;
mod docker_names;
mod docker_plugin;
mod docker_ps;
mod dockerfiles;
mod endpoint;
mod engine_agrees;
mod engine_agrees_images;
mod engine_agrees_libraries;
mod engine_agrees_programs;
mod engine_faults;
mod fault;
mod faults_document;
mod inputs;
mod logs;
mod logs_damage;
mod logs_engine_restart;
mod logs_follow;
mod logs_many;
mod logs_query;
mod ours;
mod own_engine;
mod pair;
mod proxy;
mod ps;
mod registry;
mod stage;
mod verify;
mod why;
mod why_apart;
mod why_message;
mod why_refused;
mod why_running;
