//! RAS events: `event.pb-c.c`.

pb_c::messages! {
    package "shared";

    Shared__RASEvent__EngineStateEventInfo "shared.RASEvent.EngineStateEventInfo" {
        instance: uint32 = 1,
        errored: bool = 2,
        error: string = 3,
    }
    functions shared__rasevent__engine_state_event_info__init;
    descriptor shared__rasevent__engine_state_event_info__descriptor;

    Shared__RASEvent__PoolSvcEventInfo "shared.RASEvent.PoolSvcEventInfo" {
        svc_reps [n_svc_reps]: uint32 = 1,
        version: uint64 = 2,
    }
    functions shared__rasevent__pool_svc_event_info__init;
    descriptor shared__rasevent__pool_svc_event_info__descriptor;

    Shared__RASEvent "shared.RASEvent" {
        id: uint32 = 1,
        msg: string = 2,
        timestamp: string = 3,
        type_ "type": uint32 = 4,
        severity: uint32 = 5,
        hostname: string = 6,
        rank: uint32 = 7,
        incarnation: uint64 = 8,
        hw_id: string = 9,
        proc_id: uint64 = 10,
        thread_id: uint64 = 11,
        job_id: string = 12,
        pool_uuid: string = 13,
        cont_uuid: string = 14,
        obj_id: string = 15,
        ctl_op: string = 16,
        extended_info.str_info "str_info" {extended_info_case}: string = 17,
        extended_info.engine_state_info "engine_state_info" {extended_info_case}:
            message(Shared__RASEvent__EngineStateEventInfo, shared__rasevent__engine_state_event_info__descriptor) = 18,
        extended_info.pool_svc_info "pool_svc_info" {extended_info_case}:
            message(Shared__RASEvent__PoolSvcEventInfo, shared__rasevent__pool_svc_event_info__descriptor) = 19,
    }
    functions
        shared__rasevent__init
        shared__rasevent__get_packed_size
        shared__rasevent__pack
        shared__rasevent__pack_to_buffer
        shared__rasevent__unpack
        shared__rasevent__free_unpacked;
    descriptor shared__rasevent__descriptor;

    Shared__ClusterEventReq "shared.ClusterEventReq" {
        sequence: uint64 = 1,
        event: message(Shared__RASEvent, shared__rasevent__descriptor) = 2,
    }
    functions
        shared__cluster_event_req__init
        shared__cluster_event_req__get_packed_size
        shared__cluster_event_req__pack
        shared__cluster_event_req__pack_to_buffer
        shared__cluster_event_req__unpack
        shared__cluster_event_req__free_unpacked;
    descriptor shared__cluster_event_req__descriptor;

    Shared__ClusterEventResp "shared.ClusterEventResp" {
        sequence: uint64 = 1,
        status: int32 = 2,
    }
    functions
        shared__cluster_event_resp__init
        shared__cluster_event_resp__get_packed_size
        shared__cluster_event_resp__pack
        shared__cluster_event_resp__pack_to_buffer
        shared__cluster_event_resp__unpack
        shared__cluster_event_resp__free_unpacked;
    descriptor shared__cluster_event_resp__descriptor;
}
