//! What the engine asks of the control plane: `srv.pb-c.c`.

pb_c::messages! {
    package "srv";

    Srv__NotifyReadyReq "srv.NotifyReadyReq" {
        uri: string = 1,
        nctxs: uint32 = 2,
        drpclistenersock "drpcListenerSock": string = 3,
        instanceidx "instanceIdx": uint32 = 4,
        ntgts: uint32 = 5,
        incarnation: uint64 = 6,
        secondaryuris "secondaryUris" [n_secondaryuris]: string = 7,
        secondarynctxs "secondaryNctxs" [n_secondarynctxs]: uint32 = 8,
        check_mode: bool = 9,
    }
    functions
        srv__notify_ready_req__init
        srv__notify_ready_req__get_packed_size
        srv__notify_ready_req__pack
        srv__notify_ready_req__pack_to_buffer
        srv__notify_ready_req__unpack
        srv__notify_ready_req__free_unpacked;
    descriptor srv__notify_ready_req__descriptor;

    Srv__GetPoolSvcReq "srv.GetPoolSvcReq" {
        uuid: string = 1,
    }
    functions
        srv__get_pool_svc_req__init
        srv__get_pool_svc_req__get_packed_size
        srv__get_pool_svc_req__pack
        srv__get_pool_svc_req__pack_to_buffer
        srv__get_pool_svc_req__unpack
        srv__get_pool_svc_req__free_unpacked;
    descriptor srv__get_pool_svc_req__descriptor;

    Srv__GetPoolSvcResp "srv.GetPoolSvcResp" {
        status: int32 = 1,
        svcreps [n_svcreps]: uint32 = 2,
    }
    functions
        srv__get_pool_svc_resp__init
        srv__get_pool_svc_resp__get_packed_size
        srv__get_pool_svc_resp__pack
        srv__get_pool_svc_resp__pack_to_buffer
        srv__get_pool_svc_resp__unpack
        srv__get_pool_svc_resp__free_unpacked;
    descriptor srv__get_pool_svc_resp__descriptor;

    Srv__PoolFindByLabelReq "srv.PoolFindByLabelReq" {
        label: string = 1,
    }
    functions
        srv__pool_find_by_label_req__init
        srv__pool_find_by_label_req__get_packed_size
        srv__pool_find_by_label_req__pack
        srv__pool_find_by_label_req__pack_to_buffer
        srv__pool_find_by_label_req__unpack
        srv__pool_find_by_label_req__free_unpacked;
    descriptor srv__pool_find_by_label_req__descriptor;

    Srv__PoolFindByLabelResp "srv.PoolFindByLabelResp" {
        status: int32 = 1,
        uuid: string = 2,
        svcreps [n_svcreps]: uint32 = 3,
    }
    functions
        srv__pool_find_by_label_resp__init
        srv__pool_find_by_label_resp__get_packed_size
        srv__pool_find_by_label_resp__pack
        srv__pool_find_by_label_resp__pack_to_buffer
        srv__pool_find_by_label_resp__unpack
        srv__pool_find_by_label_resp__free_unpacked;
    descriptor srv__pool_find_by_label_resp__descriptor;

    Srv__ListPoolsReq "srv.ListPoolsReq" {
        include_all: bool = 1,
    }
    functions
        srv__list_pools_req__init
        srv__list_pools_req__get_packed_size
        srv__list_pools_req__pack
        srv__list_pools_req__pack_to_buffer
        srv__list_pools_req__unpack
        srv__list_pools_req__free_unpacked;
    descriptor srv__list_pools_req__descriptor;

    Srv__ListPoolsResp__Pool "srv.ListPoolsResp.Pool" {
        uuid: string = 1,
        label: string = 2,
        svcreps [n_svcreps]: uint32 = 3,
    }
    functions srv__list_pools_resp__pool__init;
    descriptor srv__list_pools_resp__pool__descriptor;

    Srv__ListPoolsResp "srv.ListPoolsResp" {
        pools [n_pools]: message(Srv__ListPoolsResp__Pool, srv__list_pools_resp__pool__descriptor) = 1,
    }
    functions
        srv__list_pools_resp__init
        srv__list_pools_resp__get_packed_size
        srv__list_pools_resp__pack
        srv__list_pools_resp__pack_to_buffer
        srv__list_pools_resp__unpack
        srv__list_pools_resp__free_unpacked;
    descriptor srv__list_pools_resp__descriptor;
}
